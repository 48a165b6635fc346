//! What pruning has left: Sanoid ends well also where it could not destroy a snapshot, since somebody uses it.

use std::collections::BTreeMap;
use std::time::Duration;

use declaration::settings::Policy;
use jiff::{SignedDuration, Timestamp};
use report::words::{count, typed};
use report::{Event, Kind};
use storage::{ErrorKind, Result, Snapshot, local, policy_snapshots};

use crate::admins_sanoid::KINDS;
use crate::look::{Holds, Look};
use crate::record;
use crate::targets::{Target, value};

/// For how long a snapshot may be left in silence (a restore, a drill, a check or a `zfs send` needs one for a while), and how often
/// it is told then.
const A_MOMENT: SignedDuration = SignedDuration::from_hours(24);

/// How many are noted of each service, the oldest of them.
const MOST: usize = 100;

/// Looks at what is left of these targets, which were pruned after `began`, and tells of what has been left for a day, once a
/// day. `before` is what there was.
///
/// # Errors
/// That of the first service for which it cannot be noted. It is noted for the others.
pub(crate) fn look(targets: &[&Target<'_>], before: &Look, began: Timestamp) -> Result<()> {
    let mut had_some = Vec::new();
    // One note that cannot be written keeps no other from being.
    let mut all_noted = Ok(());
    for target in targets {
        match before.snapshots(&target.service) {
            Ok(all) if past(target.policy, &all, began).is_empty() => {
                all_noted = all_noted.and(note(target, &[]));
            }
            Ok(_) => had_some.push(*target),
            // What is noted of it stays.
            Err(_) => {}
        }
    }
    if had_some.is_empty() {
        return all_noted;
    }
    let now = Look::at(had_some.iter().map(|target| &target.service));
    let datasets: Vec<&str> = had_some.iter().map(|one| one.dataset.as_str()).collect();
    let holds = Holds::on(&datasets);
    for target in had_some {
        let (Ok(snapshots), Ok(held)) = (now.snapshots(&target.service), holds.of(&target.dataset))
        else {
            // The next round asks again, and what is noted stays. Whoever needs the answer says that there is none.
            continue;
        };
        let mut left = past(target.policy, &snapshots, began);
        left.retain(|snapshot| !held.contains(&snapshot.name));
        // What a restore replaced was cloned from it, or the other way around: that goes once its time is over, and is told of
        // as what is kept.
        let names: Vec<&str> = left.iter().map(|snapshot| &*snapshot.name).collect();
        let Ok(ours) = policy_snapshots::needed_by_what_is_kept(&names) else {
            continue;
        };
        left.retain(|snapshot| !ours.contains(&snapshot.name));
        all_noted = all_noted.and(note(target, &left));
    }
    all_noted
}

fn note(target: &Target<'_>, left: &[&Snapshot]) -> Result<()> {
    let part = target.service.name.as_str();
    let record = record::read(part)?;
    let now = Timestamp::now();
    let left = left.iter().take(MOST);
    // What a clock that was ahead has noted says nothing.
    let since = |name: &str| record.left.get(name).copied().filter(|since| *since <= now);
    let noted: BTreeMap<String, Timestamp> = left
        .clone()
        .map(|one| (one.name.clone(), since(&one.name).unwrap_or(now)))
        .collect();
    let is_long = |since: Timestamp| now.duration_since(since) >= A_MOMENT;
    let mut for_long = left.filter(|one| noted.get(&one.name).copied().is_some_and(is_long));
    let told = match for_long.clone().next() {
        None => None,
        Some(_)
            if record
                .left_told
                .is_some_and(|told| told <= now && !is_long(told)) =>
        {
            record.left_told
        }
        Some(oldest) => {
            tell(target, for_long.by_ref().count(), oldest);
            Some(now)
        }
    };
    if (&noted, told) == (&record.left, record.left_told) {
        return Ok(());
    }
    record::update(part, |record| {
        record.left = noted;
        record.left_told = told;
    })
}

fn tell(target: &Target<'_>, how_many: usize, oldest: &Snapshot) {
    let part = target.service.name.as_str();
    let what = format!(
        "{} past the policy and cannot be destroyed, the oldest {} of {}: {}",
        count(how_many, "snapshot is", "snapshots are"),
        oldest.label(),
        local(oldest.taken),
        how_to_see_who_uses(&oldest.name),
    );
    let event = Event::new(Kind::NoSnapshot, part, format!("{part}: {what}"));
    let event = event.of(target.service.of()).outcome("left");
    event.error(ErrorKind::Busy.code()).tell();
}

/// What an admin may look at where a snapshot of this whole name cannot be destroyed.
pub(crate) fn how_to_see_who_uses(snapshot: &str) -> String {
    let (_, own) = snapshot.split_once('@').unwrap_or_default();
    format!(
        "see `zfs holds {0}`, `zfs get clones {0}`, and who has a file below `.zfs/snapshot/{own}` of the data open with `fuser -m`",
        typed(snapshot)
    )
}

/// Those of the policy's snapshots that Sanoid prunes, the oldest first (`prune_snapshots` of sanoid): too old, and more than are
/// kept. `snapshots` are those of a dataset, newest first.
fn past<'s>(policy: &Policy, snapshots: &'s [Snapshot], now: Timestamp) -> Vec<&'s Snapshot> {
    // It may still be deferred, until the pool is full.
    if value(policy, "prune_defer") > 0 {
        return Vec::new();
    }
    let mut past: Vec<&Snapshot> = Vec::new();
    for (kind, _, minutes) in KINDS {
        let minutes = match (kind, value(policy, "frequent_period")) {
            ("frequently", period @ 1..) => u64::try_from(period).unwrap_or(u64::MAX),
            _ => minutes,
        };
        let kept = value(policy, kind);
        let is_its = |snapshot: &&Snapshot| {
            let (_, own) = snapshot.name.split_once('@').unwrap_or_default();
            own.starts_with("autosnap") && own.rsplit_once('_').is_some_and(|(_, end)| end == kind)
        };
        let of_it: Vec<&Snapshot> = snapshots.iter().rev().filter(is_its).collect();
        let oldest =
            Duration::from_mins(minutes).saturating_mul(u32::try_from(kept).unwrap_or(u32::MAX));
        let more = of_it.len().saturating_sub(kept);
        let is_old = |snapshot: &&Snapshot| {
            let age = Duration::try_from(now.duration_since(snapshot.taken));
            age.is_ok_and(|age| age > oldest)
        };
        past.extend(of_it.into_iter().filter(is_old).take(more));
    }
    past.sort_by_key(|snapshot| snapshot.taken);
    past
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_too_old_and_more_than_is_kept_is_past() {
        let snapshot = |name: &str, taken: &str| Snapshot {
            name: format!("tank/a@{name}"),
            taken: taken.parse().unwrap(),
            bytes: 0,
        };
        let all = [
            snapshot(
                "autosnap_2026-11-27_12:00:00_hourly",
                "2026-11-27T12:00:00Z",
            ),
            snapshot("before-the-upgrade", "2026-11-27T11:30:00Z"),
            snapshot(
                "autosnap_2026-11-27_11:00:00_hourly",
                "2026-11-27T11:00:00Z",
            ),
            snapshot(
                "autosnap_2026-11-27_10:00:00_hourly",
                "2026-11-27T10:00:00Z",
            ),
            snapshot("autosnap_2026-11-27_00:00:00_daily", "2026-11-27T00:00:00Z"),
            snapshot(
                "autosnap_2026-11-20_00:00:00_weekly",
                "2026-11-20T00:00:00Z",
            ),
        ];
        let now: Timestamp = "2026-11-27T12:30:00Z".parse().unwrap();
        let of = |keys: &[(&'static str, usize)]| {
            let policy = Policy {
                name: "short".to_owned(),
                keys: keys.to_vec(),
                scripts: Vec::new(),
            };
            let past = past(&policy, &all, now);
            past.iter()
                .map(|one| one.name.replacen("tank/a@", "", 1))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(&[("hourly", 2), ("daily", 1)]),
            [
                "autosnap_2026-11-20_00:00:00_weekly",
                "autosnap_2026-11-27_10:00:00_hourly"
            ]
        );
        // Old enough, and not more than are kept; more, and not old enough.
        assert_eq!(of(&[("hourly", 3), ("daily", 1), ("weekly", 1)]), [""; 0]);
        assert_eq!(of(&[("prune_defer", 60)]), [""; 0]);
    }
}
