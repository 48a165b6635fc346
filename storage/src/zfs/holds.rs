//! Our holds on snapshots (zfs-hold(8)): that of the last good one of a service.

use std::collections::BTreeSet;

use super::call;
use crate::{Result, kept};

/// The tag of our holds (zfs-hold(8)).
const TAG: &str = "preseed:good";

/// Has nothing destroy a snapshot before [`release`].
///
/// # Errors
/// When it cannot be held.
pub fn hold(snapshot: &str) -> Result<()> {
    if held_among(&[snapshot])?.contains(snapshot) {
        return Ok(());
    }
    call::zfs(&["hold", TAG, snapshot]).map(drop)
}

/// Ends our hold on a snapshot. Holds of others stay.
///
/// # Errors
/// When it cannot be ended.
pub fn release(snapshot: &str) -> Result<()> {
    call::zfs(&["release", TAG, snapshot]).map(drop)
}

/// The snapshots of a dataset that we hold.
///
/// # Errors
/// When they cannot be listed.
pub fn held(dataset: &str) -> Result<Vec<String>> {
    Ok(held_of_all(&[dataset])?.into_iter().collect())
}

/// The snapshots of all of these datasets, at least one, that we hold.
///
/// # Errors
/// When those of one cannot be listed.
pub fn held_of_all(datasets: &[&str]) -> Result<BTreeSet<String>> {
    let somebodys = referred_to(datasets)?;
    if somebodys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names: Vec<&str> = somebodys.iter().map(String::as_str).collect();
    held_among(&names)
}

/// The snapshots of datasets that somebody holds.
fn referred_to(datasets: &[&str]) -> Result<Vec<String>> {
    let options = ["-d", "1", "-o", "userrefs,name"];
    let list = ["list", "-H", "-p", "-t", "snapshot"];
    let listed = call::zfs(&[&list[..], &options, datasets].concat())?;
    let somebodys = listed.lines().filter_map(|line| line.split_once('\t'));
    let somebodys = somebodys.filter(|(count, _)| *count != "0");
    Ok(somebodys.map(|(_, name)| name.to_owned()).collect())
}

/// Who holds snapshots of a dataset, ourselves included: each with the tag.
///
/// # Errors
/// When they cannot be listed.
pub fn holders(dataset: &str) -> Result<Vec<(String, String)>> {
    let somebodys = referred_to(&[dataset])?;
    if somebodys.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = somebodys.iter().map(String::as_str).collect();
    let listed = call::zfs(&[&["holds", "-H"], &names[..]].concat())?;
    Ok(tags(&listed).collect())
}

/// Those of these snapshots, all there, that have clones, all of which a restore has put aside or is at work on.
///
/// # Errors
/// When it cannot be told of one.
pub fn needed_by_what_is_kept(snapshots: &[&str]) -> Result<BTreeSet<String>> {
    if snapshots.is_empty() {
        return Ok(BTreeSet::new());
    }
    let asked = ["get", "-H", "-p", "-o", "name,value", "clones"];
    let told = call::zfs(&[&asked[..], snapshots].concat())?;
    let cloned = told.lines().filter_map(|line| line.split_once('\t'));
    let by_us = cloned.filter(|(_, clones)| {
        !matches!(*clones, "" | "-") && clones.split(',').all(kept::is_not_in_place)
    });
    Ok(by_us.map(|(name, _)| name.to_owned()).collect())
}

/// Whether a tag is ours.
#[must_use]
pub fn is_ours(tag: &str) -> bool {
    tag == TAG
}

fn held_among(snapshots: &[&str]) -> Result<BTreeSet<String>> {
    holds_of(snapshots, |tag| tag == TAG)
}

/// Those of these snapshots that somebody else holds.
pub(crate) fn held_by_others(snapshots: &[&str]) -> Result<BTreeSet<String>> {
    if snapshots.is_empty() {
        return Ok(BTreeSet::new());
    }
    holds_of(snapshots, |tag| tag != TAG)
}

fn holds_of(snapshots: &[&str], is_meant: impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
    let listed = call::zfs(&[&["holds", "-H"], snapshots].concat())?;
    Ok(with_tag(&listed, is_meant))
}

/// The snapshots in what `zfs holds -H` told that are held by a tag that is meant.
fn with_tag(listed: &str, is_meant: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let meant = tags(listed).filter(|(_, tag)| is_meant(tag));
    meant.map(|(name, _)| name).collect()
}

/// Each snapshot and tag in what `zfs holds -H` told.
fn tags(listed: &str) -> impl Iterator<Item = (String, String)> {
    listed.lines().filter_map(|line| {
        let mut columns = line.splitn(3, '\t');
        let (name, tag) = (columns.next()?, columns.next()?);
        Some((name.to_owned(), tag.to_owned()))
    })
}

/// Has `destroy` destroy a dataset without our holds on its snapshots. Where it fails, they are held again.
pub(crate) fn without_ours(dataset: &str, destroy: impl FnOnce() -> Result<()>) -> Result<()> {
    without(&held(dataset)?, release, destroy, hold)
}

fn without(
    held: &[String],
    release: impl Fn(&str) -> Result<()>,
    destroy: impl FnOnce() -> Result<()>,
    hold: impl Fn(&str) -> Result<()>,
) -> Result<()> {
    let ended = held.iter().try_for_each(|snapshot| release(snapshot));
    let ended = ended.and_then(|()| destroy());
    if ended.is_err() {
        for snapshot in held {
            // That it was not destroyed is what is told.
            let _ = hold(snapshot);
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::Error;

    #[test]
    fn a_hold_of_ours_is_back_where_nothing_was_destroyed() {
        let refused = || Err(Error::new("tank/a", "it is in use", "see who"));
        let all = ["tank/a@one".to_owned(), "tank/a@two".to_owned()];
        // What is held afterwards, where this one stays held, and what becomes of the destruction.
        let left = |stays: &str, destroyed: Result<()>| {
            let held = RefCell::new(BTreeSet::from(all.clone()));
            let release = |snapshot: &str| {
                if snapshot == stays {
                    return refused();
                }
                held.borrow_mut().remove(snapshot);
                Ok(())
            };
            let destroy = || {
                assert!(held.borrow().is_empty());
                destroyed
            };
            let hold = |snapshot: &str| {
                held.borrow_mut().insert(snapshot.to_owned());
                Ok(())
            };
            let ended = without(&all, release, destroy, hold);
            (ended.is_ok(), held.take().len())
        };
        assert_eq!(left("", Ok(())), (true, 0));
        assert_eq!(left("", refused()), (false, 2));
        assert_eq!(left("tank/a@two", Ok(())), (false, 2));
    }

    #[test]
    fn a_hold_of_ours_is_told_from_one_of_somebody_elses() {
        let listed = "tank/a@one\tpreseed:good\tMon Nov 23  8:00 2026\n\
            tank/a@two\tpreseed:good\tMon Nov 23  8:00 2026\n\
            tank/a@two\tmine\tMon Nov 23  9:00 2026\n\
            tank/a@three\tpreseed:goods\tMon Nov 23  9:00 2026\n";
        let named = |names: &[&str]| {
            let names = names.iter().map(|name| format!("tank/a@{name}"));
            names.collect::<BTreeSet<_>>()
        };
        assert_eq!(with_tag(listed, |tag| tag == TAG), named(&["one", "two"]));
        let others = with_tag(listed, |tag| tag != TAG);
        assert_eq!(others, named(&["three", "two"]));
    }
}
