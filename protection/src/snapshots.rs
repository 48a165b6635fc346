//! A round: Sanoid says which snapshots are due, they are taken of all services at once, and Sanoid prunes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use declaration::settings::{Host, Policy, Service, Snapshots};
use jiff::Timestamp;
use report::words::count;
use report::{Event, Kind, status};
use storage::{Error, Result, as_found, frozen, policy_snapshots};

use crate::admins_sanoid::Admins;
use crate::look::{Holds, Look};
use crate::sanoid::{self, Section};
use crate::{hold, ready, record, scripts};

/// How often a round is made: units/storage-snapshots.timer says so.
pub(crate) const ROUND: Duration = Duration::from_mins(15);

/// For how long checks are begun in a round. What is left waits for the next one, which is not to come late for it.
const PROOFS: Duration = Duration::from_mins(5);

/// A service whose snapshots are taken here.
struct Target<'a> {
    /// The service, or a place of one.
    service: Service,
    dataset: String,
    policy: &'a Policy,
    /// Whether backups of the service are made here: without any, none proves itself any more.
    is_backed_up: bool,
}

impl Target<'_> {
    /// Its section as Sanoid is asked what is due.
    fn asked(&self) -> Section<'_> {
        Section {
            dataset: &self.dataset,
            policy: self.policy,
            prunes: false,
            runs_scripts: false,
        }
    }

    /// Whether Sanoid itself takes its snapshots.
    fn is_sanoids(&self) -> bool {
        self.policy.is_taken_by_sanoid()
    }
}

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
            tell_failed("", &error);
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
            Err(error) => keep_first(&mut first, service.name.as_str(), error),
        }
    }
    let look = look_at(services.iter().map(|(_, found, _)| &**found));
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
            Err(error) => keep_first(&mut first, service.name.as_str(), error),
        }
    }
    if !targets.is_empty()
        && let Err(error) = of_all(&targets, look, &mut first)
    {
        keep_first(&mut first, "", error);
    }
    first.map_or(Ok(()), Err)
}

/// Looks at all that is restored of these services. What is not found is not looked at, and says so where it is asked for.
fn look_at<'a>(services: impl Iterator<Item = &'a Service>) -> Look {
    let parts = services.flat_map(|service| service.parts().filter(|part| part.is_restored()));
    let parts: Vec<_> = parts
        .filter_map(|part| as_found::placed(part).ok())
        .collect();
    Look::at(parts.iter().map(|part| &**part))
}

/// None of what is held proves itself where it cannot be told what an admin's own Sanoid covers. What that covers itself has no
/// hold of ours.
fn in_doubt(host: &Host, why: &Error) -> Result<()> {
    let ours = host.services.iter().filter(|one| declared(one).is_some());
    let noted = ours.flat_map(Service::parts).map(|part| {
        let record = record::read(part.name.as_str())?;
        match &record.held {
            Some(good) => hold::doubt(part, &record, why, Some(good)),
            None => Ok(()),
        }
    });
    // What could not be noted of one is noted of the others all the same.
    noted.fold(Ok(()), Result::and)
}

/// Each dataset of a service that has its data, but for those that an admin's own Sanoid covers.
fn of_its_parts<'a>(
    service: &Service,
    policy: &'a Policy,
    admins: &Admins,
) -> Result<Vec<Target<'a>>> {
    let there = frozen::parts(service)?;
    let is_there = |dataset: &str| {
        there
            .iter()
            .any(|part| part.dataset.as_deref() == Some(dataset))
    };
    let backup = service.backup.as_ref();
    let is_backed_up = backup.is_some_and(|backup| backup.schedule.is_some());
    let mut targets = Vec::new();
    for part in service.parts() {
        let Some(dataset) = part.storage.dataset().map(|dataset| dataset.name.as_str()) else {
            continue;
        };
        if is_there(dataset) && admins.covers(dataset).is_none() {
            targets.push(Target {
                service: as_found::whole(part)?.into_owned(),
                dataset: dataset.to_owned(),
                policy,
                is_backed_up,
            });
        }
    }
    Ok(targets)
}

/// The dataset and the policy of a service whose snapshots preseed takes.
pub fn declared(service: &Service) -> Option<(&str, &Policy)> {
    let dataset = service.storage.dataset()?;
    match &service.snapshots {
        Some(Snapshots::By(policy)) => Some((dataset.name.as_str(), policy)),
        _ => None,
    }
}

fn of_all(targets: &[Target<'_>], look: Look, first: &mut Option<Error>) -> Result<()> {
    let asked: Vec<_> = targets.iter().map(Target::asked).collect();
    let (configuration, due) = match sanoid::accept(&asked) {
        Ok(accepted) => accepted,
        Err(error) => {
            // None proves itself.
            for target in targets {
                if let Err(unnoted) = doubt(&target.service, &error) {
                    keep_first(first, target.service.name.as_str(), unnoted);
                }
            }
            return Err(error);
        }
    };
    let is_sanoids = |name: &str| of(targets, name).is_some_and(Target::is_sanoids);
    let (sanoids, own): (Vec<String>, Vec<String>) =
        due.iter().cloned().partition(|name| is_sanoids(name));
    let mut taken = take(targets, &of_one_moment(own), first);
    if !sanoids.is_empty() {
        taken += by_sanoid(targets, &sanoids, first);
    }
    let look = if due.is_empty() {
        look
    } else {
        Look::at(targets.iter().map(|target| &target.service))
    };
    let datasets: Vec<&str> = targets.iter().map(|one| one.dataset.as_str()).collect();
    let holds = Holds::on(&datasets);
    // What is held of one part, a restore may need of the same moment from the others.
    let mut held = BTreeSet::new();
    let until = Instant::now() + PROOFS;
    for target in in_order_of_proofs(targets, Timestamp::now()) {
        if !is_renewed(target, &look, (&holds, until), first) {
            held.insert(target.service.of());
        }
    }
    let pruned = targets.iter().map(|target| Section {
        prunes: !held.contains(target.service.of()),
        runs_scripts: true,
        ..target.asked()
    });
    configuration.prune(&pruned.collect::<Vec<_>>())?;
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

/// The targets in the order in which they prove their snapshots: those whose last one did not, and which may take all the time
/// there is, come last, each round another one of them first.
fn in_order_of_proofs<'t, 'a>(targets: &'t [Target<'a>], now: Timestamp) -> Vec<&'t Target<'a>> {
    let is_in_doubt = |target: &&Target<'_>| {
        let record = record::read(target.service.name.as_str());
        record.map_or(true, |record| record.doubt.is_some())
    };
    let (mut doubtful, mut order): (Vec<_>, Vec<_>) = targets.iter().partition(is_in_doubt);
    let round = now.as_second().unsigned_abs() / ROUND.as_secs();
    if let Some(first) = usize::try_from(round)
        .unwrap_or_default()
        .checked_rem(doubtful.len())
    {
        doubtful.rotate_left(first);
    }
    order.extend(doubtful);
    order
}

/// Whether the hold of a target is on its last good snapshot, and its service has not mostly vanished.
fn is_renewed(
    target: &Target<'_>,
    look: &Look,
    (holds, until): (&Holds, Instant),
    first: &mut Option<Error>,
) -> bool {
    let service = &target.service;
    let renewed = look.snapshots(service).and_then(|snapshots| {
        if let Some(ahead) = hold::of_the_future(&snapshots, Timestamp::now()) {
            keep_first(first, service.name.as_str(), ahead);
        }
        let renewed = hold::renew(service, &snapshots, &holds.of(&target.dataset)?, until)?;
        let in_doubt = target.is_backed_up && record::read(service.of())?.has_doubtful_backups();
        Ok(renewed && !in_doubt)
    });
    or_in_doubt(service, renewed, first, doubt)
}

/// What cannot be told is as much in doubt as what is bad: no backup is forgotten until a snapshot proves itself.
fn or_in_doubt(
    service: &Service,
    renewed: Result<bool>,
    first: &mut Option<Error>,
    doubt: impl FnOnce(&Service, &Error) -> Result<()>,
) -> bool {
    renewed.unwrap_or_else(|error| {
        let noted = doubt(service, &error);
        keep_first(first, service.name.as_str(), error);
        if let Err(error) = noted {
            keep_first(first, service.name.as_str(), error);
        }
        false
    })
}

fn doubt(service: &Service, why: &Error) -> Result<()> {
    let record = record::read(service.name.as_str())?;
    hold::doubt(service, &record, why, record.held.as_ref())
}

/// The target of which a snapshot is.
fn of<'t, 'a>(targets: &'t [Target<'a>], snapshot: &str) -> Option<&'t Target<'a>> {
    let (dataset, _) = snapshot.split_once('@')?;
    targets.iter().find(|target| target.dataset == dataset)
}

/// Has Sanoid take what is due of the policies with scripts. Gives how many were taken.
fn by_sanoid(targets: &[Target<'_>], due: &[String], first: &mut Option<Error>) -> usize {
    let sanoids = targets.iter().filter(|target| target.is_sanoids());
    let sections = sanoids.map(|target| Section {
        runs_scripts: true,
        ..target.asked()
    });
    let took = sanoid::take(&sections.collect::<Vec<_>>());
    taken_of(targets, due, took, first)
}

/// How many of what was due Sanoid has taken: `took` is what was left, and what it said. A script that hangs is the fault of
/// one service, and must not keep the others from being held and pruned.
fn taken_of(
    targets: &[Target<'_>],
    due: &[String],
    took: Result<(Vec<String>, String)>,
    first: &mut Option<Error>,
) -> usize {
    let (left, said) = match took {
        Ok(took) => took,
        Err(error) => {
            keep_first(first, "", error);
            return 0;
        }
    };
    for name in &left {
        let service = of(targets, name).map_or("", |target| target.service.name.as_str());
        let error = Error::new(
            name,
            format!("Sanoid has not taken it, although it is due: {said}"),
            "see that the scripts of its policy end well and in time",
        );
        keep_first(first, service, error);
    }
    due.len().saturating_sub(left.len())
}

/// What is due, all of the newest moment of these: Sanoid tells the time anew for each, and the places of a service are only
/// restored from snapshots of one name. It goes by when they were taken, and by the end of their names.
fn of_one_moment(due: Vec<String>) -> Vec<String> {
    let parts = |name: &str| {
        let (dataset, own) = name.split_once('@')?;
        let (moment, kind) = own.strip_prefix(hold::POLICYS)?.rsplit_once('_')?;
        Some((dataset.to_owned(), moment.to_owned(), kind.to_owned()))
    };
    let moments = due.iter().filter_map(|name| parts(name));
    let Some(newest) = moments.map(|(_, moment, _)| moment).max() else {
        return due;
    };
    due.into_iter()
        .map(|name| match parts(&name) {
            Some((dataset, _, kind)) => format!("{dataset}@{}{newest}_{kind}", hold::POLICYS),
            None => name,
        })
        .collect()
}

/// Takes what is due: all of one moment and pool at once, or one by one if that fails. Gives how many were taken.
fn take(targets: &[Target<'_>], due: &[String], first: &mut Option<Error>) -> usize {
    let mut at_once: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for name in due {
        let (dataset, moment) = name.split_once('@').unwrap_or_default();
        let pool = dataset.split('/').next().unwrap_or_default();
        at_once.entry((pool, moment)).or_default().push(name);
    }
    let mut taken = 0;
    for names in at_once.values() {
        if policy_snapshots::take(names).is_ok() {
            taken += names.len();
            continue;
        }
        for name in names {
            match policy_snapshots::take(&[name]) {
                Ok(()) => taken += 1,
                Err(error) => {
                    let service =
                        of(targets, name).map_or("", |target| target.service.name.as_str());
                    keep_first(first, service, error);
                }
            }
        }
    }
    taken
}

fn keep_first(first: &mut Option<Error>, service: &str, error: Error) {
    tell_failed(service, &error);
    first.get_or_insert(error);
}

fn tell_failed(service: &str, error: &Error) {
    let event = Event::new(Kind::NoSnapshot, service, error.to_string());
    let event = event.outcome("failed").error(error.kind().code());
    event.tell();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_sanoid_names_a_second_apart_is_of_one_moment() {
        let due = [
            "tank/app.db@autosnap_2026-11-27_01:00:00_hourly",
            "tank/app@autosnap_2026-11-27_00:59:59_hourly",
            "tank/app@autosnap_2026-11-27_00:59:59_daily",
        ];
        let taken = of_one_moment(due.map(str::to_owned).to_vec());
        let now = [
            "tank/app.db@autosnap_2026-11-27_01:00:00_hourly",
            "tank/app@autosnap_2026-11-27_01:00:00_hourly",
            "tank/app@autosnap_2026-11-27_01:00:00_daily",
        ];
        assert_eq!(taken, now);
    }

    #[test]
    fn what_cannot_be_told_is_in_doubt() {
        let service = declared::service("app", None, "[preseed]\n").unwrap();
        let untold = || Error::new("tank/a@x", "it cannot be read", "see `zpool status`");
        for (renewed, expected) in [
            (Ok(true), (true, false)),
            (Ok(false), (false, false)),
            (Err(untold()), (false, true)),
        ] {
            let (mut first, mut is_noted) = (None, false);
            let may_prune = or_in_doubt(&service, renewed, &mut first, |_, _| {
                is_noted = true;
                Ok(())
            });
            assert_eq!((may_prune, is_noted), expected);
            assert_eq!(first.is_some(), is_noted);
        }
    }

    #[test]
    fn a_script_that_hangs_is_told_and_ends_no_round() {
        let due = ["tank/a@x".to_owned(), "tank/b@x".to_owned()];
        let hangs = || Error::new("sanoid", "it has run for 30 min", "see its scripts");
        for (took, taken, fails) in [
            (Ok((Vec::new(), String::new())), 2, false),
            (Ok((vec![due[0].clone()], String::new())), 1, true),
            (Err(hangs()), 0, true),
        ] {
            let mut first = None;
            assert_eq!(taken_of(&[], &due, took, &mut first), taken);
            assert_eq!(first.is_some(), fails, "{taken}");
        }
    }
}
