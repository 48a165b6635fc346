//! The proofs that take checks. They may last hours, and no round waits for them: it has them begun.

use declaration::settings::{Host, Policy, Service};
use jiff::Timestamp;
use report::status;
use storage::{Error, Result, as_found, policy_snapshots};

use crate::admins_sanoid::Admins;
use crate::checks::Checks;
use crate::hold::Part;
use crate::look::Look;
use crate::record::{self, Record};
use crate::snapshots::{doubt, keep_first, or_in_doubt, tell_failed};
use crate::targets::{declared, of_its_parts, of_one_time};
use crate::{hold, ready};

/// Has the newest snapshots of all services that declare a policy and checks prove themselves, where it is time. Those in doubt
/// come last, as theirs may not end well again; of the others, those first whose last good one is oldest.
///
/// # Errors
/// What could not be done, the first of it. The rest is done all the same.
pub fn prove(host: &Host) -> Result<()> {
    let admins = Admins::read().inspect_err(|error| tell_failed("", error))?;
    let mut first = None;
    let mut due = Vec::new();
    for service in &host.services {
        let Some((_, policy)) = declared(service) else {
            continue;
        };
        match turn_of(service) {
            Ok(Some(turn)) => due.push((turn, service, policy)),
            Ok(None) => {}
            Err(error) => keep_first(&mut first, service.name.as_str(), error),
        }
    }
    due.sort_by_key(|(turn, ..)| *turn);
    for (_, service, policy) in due {
        status::say(&format!(
            "having the newest snapshots of {} prove themselves",
            service.name
        ));
        if let Err(error) = of_service(service, policy, &admins, &mut first) {
            keep_first(&mut first, service.name.as_str(), error);
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
        let Some(one) = targets.first() else {
            continue;
        };
        let records = records(targets.iter().map(|target| &target.service))?;
        if !hold::are_due(&records, Timestamp::now()) {
            continue;
        }
        // Asked only now: the checks of the part before may have taken hours.
        let parts = targets.iter().map(|target| {
            Ok(Part {
                service: &target.service,
                snapshots: hold::newest_first(&target.service)?,
                held: policy_snapshots::held(&target.dataset)?,
            })
        });
        let parts: Result<Vec<Part<'_>>> = parts.collect();
        let renewed = parts.and_then(|parts| hold::renew(&parts, Checks::Run));
        or_in_doubt(&one.service, renewed, first, doubt);
    }
    Ok(())
}

/// When it is a service's turn: whether it is in doubt, and of when its oldest good snapshot is. `None`: it has no checks, or
/// it is not time.
fn turn_of(service: &Service) -> Result<Option<(bool, Option<Timestamp>)>> {
    if service.parts().all(|part| part.verify.is_empty()) {
        return Ok(None);
    }
    let records = records(service.parts())?;
    let now = Timestamp::now();
    let is_due = if service.together {
        hold::are_due(&records, now)
    } else {
        records
            .iter()
            .any(|record| hold::are_due(std::slice::from_ref(record), now))
    };
    let turns = records.into_iter().map(|record| {
        let held = record.held.map(|good| good.taken);
        (record.doubt.is_some(), held)
    });
    Ok(turns.min().filter(|_| is_due))
}

fn records<'a>(parts: impl Iterator<Item = &'a Service>) -> Result<Vec<Record>> {
    parts.map(|part| record::read(part.name.as_str())).collect()
}
