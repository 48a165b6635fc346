//! A round: Sanoid says which snapshots are due, they are taken of all services at once, and Sanoid prunes.

use std::collections::BTreeSet;

use declaration::settings::{Host, Service};
use jiff::Timestamp;
use report::words::count;
use report::{Event, Kind, status};
use storage::{Error, Result, as_found};
use systemd::start_at_once;

use crate::admins_sanoid::Admins;
use crate::checks::Checks;
use crate::failed::{keep_first, tell_failed};
use crate::hold::{OfPart, Part, Renewal, Untold};
use crate::look::{Holds, Look};
use crate::sanoid::{self, Section};
use crate::targets::{Target, declared, of, of_its_parts, of_one_time};
use crate::{doubt, hold, left, ready, record, scripts, take};

/// Has what takes checks prove itself, once the round is over.
const PROOFS: &str = "storage-snapshots-proof.service";

/// Does a round for all services that declare a policy.
///
/// # Errors
/// What could not be done, the first of it. The rest is done all the same.
pub fn round(host: &Host) -> Result<()> {
    let mut first = None;
    // What an admin has taken and pruned is none of ours.
    let admins = match Admins::read() {
        Ok(admins) => admins,
        Err(error) => {
            tell_failed(None, &error);
            return in_doubt(host, &error).and(Err(error));
        }
    };
    let mut services = Vec::new();
    for service in &host.services {
        let Some((_, policy)) = declared(service) else {
            continue;
        };
        match as_found::whole(service) {
            Ok(found) => services.push((service, found, policy)),
            Err(error) => keep_first(&mut first, Some(service), error),
        }
    }
    let look = Look::at_all_of(services.iter().map(|(_, found, _)| &**found));
    let mut targets = Vec::new();
    for (service, found, policy) in &services {
        // Snapshots of what is no data would push those of the data out.
        let parts = ready::lacked_its_data(found, &look).and_then(|lacks| match lacks {
            None => {
                scripts::must_be_roots(policy)?;
                of_its_parts(found, policy, &admins)
            }
            Some(why) => doubt(service, &why).map(|()| Vec::new()),
        });
        match parts {
            Ok(parts) => targets.extend(parts),
            Err(error) => keep_first(&mut first, Some(service), error),
        }
    }
    if !targets.is_empty()
        && let Err(error) = of_all(&targets, look, &mut first)
    {
        keep_first(&mut first, None, error);
    }
    first.map_or(Ok(()), Err)
}

/// None of what is held proves itself where it cannot be told what an admin's own Sanoid covers. What that covers itself has no
/// hold of ours.
fn in_doubt(host: &Host, why: &Error) -> Result<()> {
    let ours = host.services.iter().filter(|one| declared(one).is_some());
    let noted = ours.flat_map(Service::parts).map(|part| {
        let record = record::read(part.name.as_str())?;
        match &record.held {
            Some(good) => doubt::of_snapshots(part, &record, why, Some(good)),
            None => Ok(()),
        }
    });
    // What could not be noted of one is noted of the others all the same.
    noted.fold(Ok(()), Result::and)
}

fn of_all(targets: &[Target<'_>], look: Look, first: &mut Option<Error>) -> Result<()> {
    let asked: Vec<_> = targets.iter().map(Target::asked).collect();
    let (configuration, due) = match sanoid::accept(&asked) {
        Ok(accepted) => accepted,
        Err(error) => {
            // None proves itself.
            for target in targets {
                if let Err(unnoted) = doubt(&target.service, &error) {
                    keep_first(first, Some(&target.service), unnoted);
                }
            }
            return Err(error);
        }
    };
    let is_sanoids = |name: &str| of(targets, name).is_some_and(Target::is_sanoids);
    let (sanoids, own): (Vec<String>, Vec<String>) =
        due.iter().cloned().partition(|name| is_sanoids(name));
    let mut taken = take::take(targets, own, first);
    if !sanoids.is_empty() {
        taken += take::by_sanoid(targets, &sanoids, first);
    }
    let look = if due.is_empty() {
        look
    } else {
        Look::at(targets.iter().map(|target| &target.service))
    };
    let held = renew_all(targets, &look, first);
    let began = Timestamp::now();
    let prunes = |target: &&Target<'_>| !held.contains(target.service.of());
    let pruned = targets.iter().map(|target| Section {
        prunes: prunes(&target),
        runs_scripts: true,
        ..target.asked()
    });
    configuration.prune(&pruned.collect::<Vec<_>>())?;
    let pruned: Vec<_> = targets.iter().filter(prunes).collect();
    if let Err(error) = left::look(&pruned, &look, began) {
        keep_first(first, None, error);
    }
    let line = format!(
        "{} taken of {}",
        count(taken, "snapshot", "snapshots"),
        count(targets.len(), "service", "services")
    );
    status::set(&line);
    if taken > 0 {
        let event = Event::new(Kind::SnapshotsTaken, "", line);
        event.outcome("taken").tell();
    }
    Ok(())
}

/// Renews all holds, and has what takes checks prove itself. Gives the services of which nothing may be pruned.
fn renew_all<'t>(
    targets: &'t [Target<'_>],
    look: &Look,
    first: &mut Option<Error>,
) -> BTreeSet<&'t str> {
    let datasets: Vec<&str> = targets.iter().map(|one| one.dataset.as_str()).collect();
    let holds = Holds::on(&datasets);
    // What is held of one part, a restore may need of the same moment from the others.
    let mut held = BTreeSet::new();
    let mut are_to_be_checked = false;
    for targets in of_one_time(targets) {
        let renewal = renewed(targets, look, &holds, first);
        are_to_be_checked |= renewal == Renewal::ToBeChecked;
        if renewal != Renewal::Held {
            held.extend(targets.iter().map(|target| target.service.of()));
        }
    }
    // Where it is at work already, the next round sees what it left.
    if are_to_be_checked && let Err(error) = start_at_once(PROOFS) {
        keep_first(first, None, error);
    }
    held
}

/// What came of the hold of a target, or of those that must be of one time. While its service's backups are in doubt, nothing of
/// it is pruned either.
fn renewed(
    targets: &[Target<'_>],
    look: &Look,
    holds: &Holds,
    first: &mut Option<Error>,
) -> Renewal {
    let Some(one) = targets.first() else {
        return Renewal::Held;
    };
    let mut parts = Vec::new();
    for target in targets {
        match part_of(target, look, holds, first) {
            Ok(part) => parts.push(part),
            Err(untold) => return or_in_doubt(Err(untold), first, doubt),
        }
    }
    let renewed = hold::renew(&parts, Checks::LeftOut).and_then(|renewed| {
        let of_it = record::read(one.service.of()).map_err(Untold::of(&one.service))?;
        Ok(match renewed {
            Renewal::Held if one.is_backed_up && of_it.has_doubtful_backups() => Renewal::Doubted,
            renewed => renewed,
        })
    });
    or_in_doubt(renewed, first, doubt)
}

fn part_of<'t>(
    target: &'t Target<'_>,
    look: &Look,
    holds: &Holds,
    first: &mut Option<Error>,
) -> OfPart<'t, Part<'t>> {
    let service = &target.service;
    let snapshots = look.snapshots(service).map_err(Untold::of(service))?;
    if let Some(ahead) = hold::of_the_future(&snapshots, Timestamp::now()) {
        keep_first(first, Some(service), ahead);
    }
    Ok(Part {
        service,
        snapshots,
        held: holds.of(&target.dataset).map_err(Untold::of(service))?,
    })
}

/// What cannot be told is as much in doubt as what is bad: no backup is forgotten until a snapshot proves itself.
pub(crate) fn or_in_doubt(
    renewed: OfPart<'_, Renewal>,
    first: &mut Option<Error>,
    doubt: impl FnOnce(&Service, &Error) -> Result<()>,
) -> Renewal {
    renewed.unwrap_or_else(|Untold { part, error }| {
        let noted = doubt(part, &error);
        // The doubt tells its owner once a day; this run fails, and its journal says why.
        report::words::tell(&format!("{}: {error}", part.name));
        first.get_or_insert(error);
        if let Err(error) = noted {
            keep_first(first, Some(part), error);
        }
        Renewal::Doubted
    })
}

pub(crate) fn doubt(service: &Service, why: &Error) -> Result<()> {
    let record = record::read(service.name.as_str())?;
    doubt::of_snapshots(service, &record, why, record.held.as_ref())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_cannot_be_told_is_in_doubt() {
        let service = declared::service("app", None, "[preseed]\n").unwrap();
        let untold = || Error::new("tank/a@x", "it cannot be read", "see `zpool status`");
        for (renewed, expected) in [
            (Ok(Renewal::Held), (Renewal::Held, false)),
            (Ok(Renewal::ToBeChecked), (Renewal::ToBeChecked, false)),
            (
                Err(untold()).map_err(Untold::of(&service)),
                (Renewal::Doubted, true),
            ),
        ] {
            let (mut first, mut is_noted) = (None, false);
            let may_prune = or_in_doubt(renewed, &mut first, |_, _| {
                is_noted = true;
                Ok(())
            });
            assert_eq!((may_prune, is_noted), expected);
            assert_eq!(first.is_some(), is_noted);
        }
    }
}
