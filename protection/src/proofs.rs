//! The proofs that take checks. They may last hours, and no round waits for them: it has them begun.

use declaration::settings::{Host, Policy, Service};
use jiff::Timestamp;
use report::status;
use storage::{Error, Result, as_found, policy_snapshots};

use crate::admins_sanoid::Admins;
use crate::checks::Checks;
use crate::look::Look;
use crate::snapshots::{doubt, keep_first, or_in_doubt, tell_failed};
use crate::targets::{declared, of_its_parts};
use crate::{hold, ready, record};

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
    for target in of_its_parts(&found, policy, admins)? {
        let part = &target.service;
        if !is_due(part)? {
            continue;
        }
        // The checks of the part before may have taken hours.
        let renewed = hold::newest_first(part).and_then(|snapshots| {
            let held = policy_snapshots::held(&target.dataset)?;
            hold::renew(part, &snapshots, &held, Checks::Run)
        });
        or_in_doubt(part, renewed, first, doubt);
    }
    Ok(())
}

/// When it is a service's turn: whether it is in doubt, and of when its oldest good snapshot is. `None`: it has no checks, or
/// it is not time.
fn turn_of(service: &Service) -> Result<Option<(bool, Option<Timestamp>)>> {
    let mut turn = None;
    for part in service.parts() {
        if is_due(part)? {
            let record = record::read(part.name.as_str())?;
            let of_part = (record.doubt.is_some(), record.held.map(|good| good.taken));
            turn = Some(turn.map_or(of_part, |turn: (bool, Option<Timestamp>)| turn.min(of_part)));
        }
    }
    Ok(turn)
}

fn is_due(part: &Service) -> Result<bool> {
    if part.verify.is_empty() {
        return Ok(false);
    }
    let record = record::read(part.name.as_str())?;
    Ok(hold::is_due(&record, Timestamp::now()))
}
