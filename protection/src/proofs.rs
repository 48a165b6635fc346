//! The proofs that take checks. They may last hours, and no round waits for them: it has them begun.

use declaration::settings::{Host, Policy, Service};
use jiff::Timestamp;
use report::status;
use storage::{Error, Result, as_found, policy_snapshots};

use crate::admins_sanoid::Admins;
use crate::checks::Checks;
use crate::failed::{keep_first, tell_failed};
use crate::hold::{OfPart, Part, Renewal, Untold};
use crate::look::Look;
use crate::record::{self, Record};
use crate::snapshots::{doubt, or_in_doubt};
use crate::targets::{Target, declared, of_its_parts, of_one_time};
use crate::{hold, ready};

/// Has the newest snapshots of all services that declare a policy and checks prove themselves, where it is time. Those in doubt
/// come last, as theirs may not end well again; of the others, those first whose last good one is oldest.
///
/// # Errors
/// What could not be done, the first of it. The rest is done all the same.
pub fn prove(host: &Host) -> Result<()> {
    let admins = Admins::read().inspect_err(|error| tell_failed(None, error))?;
    let mut first = None;
    let mut due = Vec::new();
    for service in &host.services {
        let Some((_, policy)) = declared(service) else {
            continue;
        };
        match turn_of(service) {
            Ok(Some(turn)) => due.push((turn, service, policy)),
            Ok(None) => {}
            Err(error) => keep_first(&mut first, Some(service), error),
        }
    }
    due.sort_by_key(|(turn, ..)| *turn);
    for (_, service, policy) in due {
        status::say(&format!(
            "having the newest snapshots of {} prove themselves",
            service.name
        ));
        if let Err(error) = of_service(service, policy, &admins, &mut first) {
            keep_first(&mut first, Some(service), error);
        }
    }
    first.map_or(Ok(()), Err)
}

fn of_service(
    service: &Service,
    policy: &Policy,
    admins: &Admins,
    first: &mut Option<Error>,
) -> Result<()> {
    let found = as_found::whole(service)?;
    let look = Look::at_all_of([&*found]);
    if ready::lacked_its_data(&found, &look)?.is_some() {
        // The round says so.
        return Ok(());
    }
    for targets in of_one_time(&of_its_parts(&found, policy, admins)?) {
        if have_checks(targets.iter().map(|target| &target.service)) {
            or_in_doubt(renewed(targets), first, doubt);
        }
    }
    Ok(())
}

fn renewed<'t>(targets: &'t [Target<'_>]) -> OfPart<'t, Renewal> {
    // Asked only now: the checks of the part before may have taken hours.
    let parts = targets.iter().map(|target| {
        let service = &target.service;
        let snapshots = hold::newest_first(service);
        let held = policy_snapshots::held(&target.dataset);
        Ok(Part {
            service,
            snapshots: snapshots.map_err(Untold::of(service))?,
            held: held.map_err(Untold::of(service))?,
        })
    });
    hold::renew(&parts.collect::<OfPart<'t, Vec<_>>>()?, Checks::Run)
}

/// When it is a service's turn: whether it is in doubt, and of when its oldest good snapshot is. `None`: it has no checks.
fn turn_of(service: &Service) -> Result<Option<(bool, Option<Timestamp>)>> {
    let parts = || service.parts().filter(|part| part.is_restored());
    if !have_checks(parts()) {
        return Ok(None);
    }
    let records = parts().map(|part| record::read(part.name.as_str()));
    let records: Vec<Record> = records.collect::<Result<_>>()?;
    let is_in_doubt = records.iter().any(|record| record.doubt.is_some());
    let held = records.iter().map(|record| record.held.as_ref());
    let oldest = held.map(|good| good.map(|good| good.taken)).min();
    Ok(Some((is_in_doubt, oldest.flatten())))
}

fn have_checks<'a>(mut parts: impl Iterator<Item = &'a Service>) -> bool {
    parts.any(|part| !part.verify.is_empty())
}
