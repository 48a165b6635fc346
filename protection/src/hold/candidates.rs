//! The snapshots of a service, and which of them may be held.

use declaration::settings::Service;
use jiff::{SignedDuration, Timestamp};
use restore::points;
use storage::{Error, Result, Snapshot, local, policy_snapshots};

/// How old the held snapshot may be before a newer one is to prove itself.
const OLD: SignedDuration = SignedDuration::from_hours(20);

/// How far ahead of the clock a snapshot may be: clocks are set a little all the time.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// How the names of a policy's snapshots begin, as Sanoid and we call them.
pub(crate) const POLICYS: &str = "autosnap_";

/// The snapshots of a service's dataset.
///
/// # Errors
/// When they cannot be listed.
pub(crate) fn newest_first(service: &Service) -> Result<Vec<Snapshot>> {
    let storage = storage::open(service);
    storage
        .with_snapshots()
        .map_or_else(|| Ok(Vec::new()), storage::Snapshots::snapshots)
}

/// What is to be held of these parts: a snapshot of each, of the newest point in time of which all have one. `snapshots` are theirs,
/// newest first.
pub(super) fn newest_of_one_point<'s>(
    snapshots: &[&'s [Snapshot]],
    now: Timestamp,
) -> Option<Vec<&'s Snapshot>> {
    let (first, others) = snapshots.split_first()?;
    may_be_held(first, now).find_map(|one| {
        let mut found = vec![one];
        for part in others {
            let is_of_it = |other: &&Snapshot| found.iter().all(|one| are_of_one_point(one, other));
            found.push(may_be_held(part, now).find(is_of_it)?);
        }
        Some(found)
    })
}

/// Since when these parts have had snapshots, but none of one point in time: since the first after the last of one point, or since
/// all of them have any.
pub(super) fn apart_since(snapshots: &[&[Snapshot]], now: Timestamp) -> Timestamp {
    let last = newest_of_one_point(snapshots, now);
    let last = last.and_then(|found| found.iter().map(|one| one.taken).max());
    let first_of = |part: &&[Snapshot]| {
        let after = may_be_held(part, now).filter(|one| last.is_none_or(|last| one.taken > last));
        after.map(|one| one.taken).min()
    };
    let first = snapshots.iter().filter_map(first_of);
    let since = match last {
        Some(_) => first.min(),
        None => first.max(),
    };
    since.unwrap_or(now)
}

fn are_of_one_point(one: &Snapshot, other: &Snapshot) -> bool {
    points::are_of_one_point((&one.name, one.taken), (&other.name, other.taken))
}

/// The newest of a part that may be held.
pub(super) fn newest(snapshots: &[Snapshot], now: Timestamp) -> Option<&Snapshot> {
    may_be_held(snapshots, now).next()
}

/// Those that may be held, the best first: the policy's, then others, each from the newest on. Other tools destroy their own (as
/// Syncoid does once a newer one is replicated), which a hold would stop. A backup's own goes with it; one of the future would be
/// the newest until then, and no newer one would prove itself.
fn may_be_held(snapshots: &[Snapshot], now: Timestamp) -> impl Iterator<Item = &Snapshot> {
    let (policys, others): (Vec<_>, Vec<_>) = snapshots
        .iter()
        .filter(|one| !policy_snapshots::is_of_a_backup(&one.name) && one.taken <= now)
        .partition(|one| is_policys(one));
    policys.into_iter().chain(others)
}

fn is_policys(snapshot: &Snapshot) -> bool {
    let (_, own) = snapshot.name.split_once('@').unwrap_or_default();
    own.starts_with(POLICYS)
}

/// Why Sanoid takes no snapshots of a service any more, if so: one of the policy's is of the future.
pub(crate) fn of_the_future(snapshots: &[Snapshot], now: Timestamp) -> Option<Error> {
    let is_ahead = |taken: Timestamp| taken.duration_since(now) > AHEAD;
    let mut ahead = snapshots
        .iter()
        .filter(|snapshot| is_policys(snapshot) && is_ahead(snapshot.taken));
    let first = ahead.next()?;
    let more = match ahead.count() {
        0 => String::new(),
        more => format!(", as are {more} more"),
    };
    Some(Error::new(
        &first.name,
        format!(
            "it is of the future ({}){more}: the clock was ahead once, or is behind now; no newer one is due until then",
            local(first.taken)
        ),
        format!(
            "see `timedatectl`; if the clock is right, `zfs destroy {0}`, or keep it under another name: \
             `zfs rename {0} {1}@NAME`",
            first.name,
            first.name.split('@').next().unwrap_or_default()
        ),
    ))
}

/// Whether what was held then needs no newer one yet. A clock that was once ahead makes nothing young.
pub(super) fn is_young(taken: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(taken);
    !age.is_negative() && age < OLD
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn snapshots(names: &[(&str, &str)]) -> Vec<Snapshot> {
        let named = names.iter().map(|(name, taken)| Snapshot {
            name: format!("tank/a@{name}"),
            taken: at(taken),
            bytes: 0,
        });
        named.collect()
    }

    #[test]
    fn the_newest_that_proves_itself_is_none_of_the_future() {
        let listed = snapshots(&[
            ("ahead", "2031-01-01T00:00:00Z"),
            ("newest", "2026-11-26T12:00:00Z"),
            ("older", "2026-11-26T11:00:00Z"),
        ]);
        let newest = |now: &str| newest(&listed, at(now)).map(|one| &*one.name);
        assert_eq!(newest("2026-11-26T12:00:00Z"), Some("tank/a@newest"));
        assert_eq!(newest("2031-01-01T00:00:00Z"), Some("tank/a@ahead"));
        assert_eq!(newest("2020-01-01T00:00:00Z"), None);
    }

    #[test]
    fn what_another_tool_destroys_itself_is_held_only_without_any_of_the_policy() {
        let now = at("2026-11-26T12:00:00Z");
        let syncoids = ("syncoid_forge_2026-11-26", "2026-11-26T11:30:00Z");
        let policys = ("autosnap_b_hourly", "2026-11-26T11:00:00Z");
        let held = |names: &[(&str, &str)]| newest(&snapshots(names), now).unwrap().taken;
        assert_eq!(held(&[syncoids, policys]), at(policys.1));
        assert_eq!(held(&[syncoids]), at(syncoids.1));
    }

    #[test]
    fn what_is_held_of_all_parts_is_of_one_point_in_time() {
        let now = at("2026-11-27T12:00:00Z");
        let ahead = ("c", "2026-11-28T09:00:00Z");
        let alone = ("alone", "2026-11-27T10:00:00Z");
        let nine = ("b", "2026-11-27T09:00:00Z");
        let eight = ("a", "2026-11-27T08:00:00Z");
        let of_both = |one: &[(&str, &str)], other: &[(&str, &str)]| {
            let (one, other) = (snapshots(one), snapshots(other));
            let found = newest_of_one_point(&[&one, &other], now);
            found.map(|found| found.iter().map(|one| one.taken).collect::<Vec<_>>())
        };
        let both = of_both(&[ahead, alone, nine, eight], &[ahead, nine, eight]);
        assert_eq!(both, Some(vec![at(nine.1); 2]));
        assert_eq!(of_both(&[nine], &[eight]), None);
        // The name alone makes no point in time: a restore asks for both.
        let after = ("b", "2026-11-27T09:00:08Z");
        let later = ("b", "2026-11-27T09:10:00Z");
        assert_eq!(
            of_both(&[nine], &[after]),
            Some(vec![at(nine.1), at(after.1)])
        );
        assert_eq!(
            of_both(&[nine, eight], &[later, eight]),
            Some(vec![at(eight.1); 2])
        );
        let of_the_future = ("b", "2026-11-27T12:00:01Z");
        assert_eq!(of_both(&[nine], &[of_the_future]), None);
    }

    #[test]
    fn parts_are_apart_since_the_first_snapshot_that_is_of_no_point_of_all() {
        let now = at("2026-11-27T12:00:00Z");
        let week_ago = ("a", "2026-11-20T08:00:00Z");
        let (ten, eleven) = (("b", "2026-11-27T10:00:00Z"), ("c", "2026-11-27T11:00:00Z"));
        for (one, other, since) in [
            // The machine was off for a week, and the first round after it failed for one.
            (&[eleven, ten, week_ago][..], &[week_ago][..], ten.1),
            // A place that was declared later.
            (&[ten, week_ago], &[eleven], eleven.1),
        ] {
            let (one, other) = (snapshots(one), snapshots(other));
            assert_eq!(apart_since(&[&one, &other], now), at(since));
        }
    }

    #[test]
    fn a_policys_snapshot_of_the_future_is_told() {
        let now = at("2026-11-26T12:00:00Z");
        let told = |names: &[(&str, &str)]| {
            let told = of_the_future(&snapshots(names), now);
            told.map(|error| error.to_string())
        };
        let future = "2031-01-01T00:00:00Z";
        let sound = [
            ("autosnap_a_hourly", "2026-11-26T11:00:00Z"),
            ("autosnap_b_hourly", "2026-11-26T12:59:00Z"),
            ("mine", future),
        ];
        assert_eq!(told(&sound), None);
        let ahead = [
            sound[0],
            ("autosnap_c_daily", future),
            ("autosnap_d_daily", future),
        ];
        let told = told(&ahead).unwrap();
        for words in ["tank/a@autosnap_c_daily", "as are 1 more", "zfs destroy"] {
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn what_a_clock_that_was_ahead_has_dated_is_not_young() {
        let now = at("2026-11-26T12:00:00Z");
        for (taken, expected) in [
            ("2026-11-26T12:00:00Z", true),
            ("2026-11-25T16:00:01Z", true),
            ("2026-11-25T16:00:00Z", false),
            ("2026-11-26T12:00:01Z", false),
            ("2031-01-01T00:00:00Z", false),
        ] {
            assert_eq!(is_young(at(taken), now), expected, "{taken}");
        }
    }
}
