//! Takes the snapshots that are due.

use std::collections::{BTreeMap, BTreeSet};

use storage::{Error, Result, policy_snapshots};

use crate::failed::keep_first;
use crate::hold;
use crate::sanoid::{self, Section};
use crate::targets::{Target, of, of_one_time};

/// Has Sanoid take what is due of the policies with scripts. Gives how many were taken.
pub(crate) fn by_sanoid(
    targets: &[Target<'_>],
    due: &[String],
    first: &mut Option<Error>,
) -> usize {
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
            keep_first(first, None, error);
            return 0;
        }
    };
    for name in &left {
        let target = of(targets, name);
        let error = Error::new(
            name,
            format!("Sanoid has not taken it, although it is due: {said}"),
            "see that the scripts of its policy end well and in time",
        );
        keep_first(first, target.map(|target| &target.service), error);
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

/// What is due, and with a place that must be of one time with others the same of those: a restore takes no places of different
/// moments, and Sanoid says of each by itself when it is due (e.g. one that was declared later).
fn with_their_others(targets: &[Target<'_>], due: &[String]) -> Vec<String> {
    let mut all: BTreeSet<String> = due.iter().cloned().collect();
    for group in of_one_time(targets) {
        for name in due {
            let Some((dataset, moment)) = name.split_once('@') else {
                continue;
            };
            if group.iter().any(|target| target.dataset == dataset) {
                all.extend(
                    group
                        .iter()
                        .map(|other| format!("{}@{moment}", other.dataset)),
                );
            }
        }
    }
    all.into_iter().collect()
}

/// Takes what is due: all of one moment and pool at once. Where that fails, all of a service at once, and then each by itself: one
/// dataset without room takes no snapshot from the others, nor their moment from the places of a service. Gives how many were
/// taken.
pub(crate) fn take(targets: &[Target<'_>], due: Vec<String>, first: &mut Option<Error>) -> usize {
    let due = with_their_others(targets, &of_one_moment(due));
    let mut at_once: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for name in &due {
        let (dataset, moment) = name.split_once('@').unwrap_or_default();
        let pool = dataset.split('/').next().unwrap_or_default();
        at_once.entry((moment, pool)).or_default().push(name);
    }
    let mut taken = 0;
    for names in at_once.values() {
        if policy_snapshots::take(names).is_ok() {
            taken += names.len();
            continue;
        }
        let mut by_service: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in names {
            let service = of(targets, name).map_or("", |target| target.service.of());
            by_service.entry(service).or_default().push(name);
        }
        for names in by_service.values() {
            if names.len() > 1 && policy_snapshots::take(names).is_ok() {
                taken += names.len();
                continue;
            }
            for name in names {
                match policy_snapshots::take(&[name]) {
                    Ok(()) => taken += 1,
                    Err(error) => {
                        let target = of(targets, name);
                        keep_first(first, target.map(|target| &target.service), error);
                    }
                }
            }
        }
    }
    taken
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
