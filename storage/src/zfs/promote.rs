//! Promotes the clone that took a dataset's place: from then on it owns the snapshots up to the one it came from.
//!
//! ZFS refuses that while somebody sends that snapshot, which may take days. So the service starts without it, the mark
//! says that it is pending ([`Stage::Unpromoted`]), and each start and the daily timer try again. Until then what was
//! replaced has these snapshots: they count as the dataset's own, and ZFS itself lets nobody destroy what was replaced.

use super::dataset::Zfs;
use super::program::{self, Change, Made, Replacement};
use super::properties::existing;
use super::properties::{self, Properties};
use super::snapshots::snapshots_of;
use super::{call, declared, key};
use crate::mark::{PROPERTY, Stage};
use crate::{Applied, Listed, Mark, MarkState, Result, lock};

/// What came of it.
#[derive(Debug)]
pub(super) enum Promotion {
    /// There is nothing to be promoted, or no more.
    Done,
    /// ZFS refused it, and what it said.
    Pending(String),
    /// It needs no key, and comes with the last properties.
    WithTheLast,
}

/// Promotes the dataset in its place as [`promote`] does, if its key comes with that: it cannot be mounted without.
///
/// # Errors
/// As [`promote`].
pub(super) fn before_it_is_mounted(
    zfs: &Zfs<'_>,
    properties: &Properties,
    replaced: Option<&Properties>,
) -> Result<Promotion> {
    if is_pending(zfs, properties) && !key::has_a_key(properties) {
        return Ok(Promotion::WithTheLast);
    }
    promote(zfs, properties, replaced)
}

/// Makes the last changes of the dataset's properties, those for the stage that it has then; and promotes it, in the same
/// step, if that is to be done yet; and the replacement. Gives why it is still to be promoted, in words, `None` if it is
/// not; and what was made.
///
/// # Errors
/// When ZFS refuses a change.
pub(super) fn finish(
    zfs: &Zfs<'_>,
    promotion: Promotion,
    replacement: Option<&Replacement>,
    changes: impl Fn(Stage) -> Vec<Change>,
) -> Result<(Option<String>, Made)> {
    let name = zfs.name();
    let promotion = match promotion {
        Promotion::WithTheLast => {
            let (kept, last) = (kept_prefix(zfs), changes(Stage::Seeded));
            let made = program::promote_and_change(name, &kept, &last, replacement)?;
            if made != Made::Nothing {
                return Ok((None, made));
            }
            // In words, or because what kept it from that is over.
            let ended = call::try_zfs(&["promote", name])?;
            if ended.status.success() {
                return finish(zfs, Promotion::WithTheLast, replacement, changes);
            }
            Promotion::Pending(ended.stderr)
        }
        promotion => promotion,
    };
    let (stage, pending) = match promotion {
        Promotion::Pending(why) => (Stage::Unpromoted, Some(pending(zfs, &why))),
        _ => (Stage::Seeded, None),
    };
    let made = program::change_and_replace(name, &changes(stage), replacement)?;
    Ok((pending, made))
}

/// Promotes the dataset in its place, which has or had these properties, if it is a clone of what it replaced; `replaced`:
/// the properties of what it replaced just now. Its key is loaded again: a promotion takes over the root of the encryption from the origin, and the kernel then asks for it.
///
/// # Errors
/// When the key is not loaded now, or ZFS does not answer.
pub(super) fn promote(
    zfs: &Zfs<'_>,
    properties: &Properties,
    replaced: Option<&Properties>,
) -> Result<Promotion> {
    let name = zfs.name();
    if !is_pending(zfs, properties) {
        // It may have been interrupted after the promotion, and before the key.
        load_key_again(zfs, properties)?;
        return Ok(Promotion::Done);
    }
    let mut now = properties.clone();
    // What was replaced may itself be a clone of what was replaced before.
    while is_pending(zfs, &now) {
        if let Some(why) = key_would_be_missing(zfs, &now)? {
            return Ok(Promotion::Pending(why));
        }
        let ended = call::try_zfs(&["promote", name])?;
        if !ended.status.success() {
            return Ok(Promotion::Pending(ended.stderr));
        }
        zfs.seen.replace(None);
        let was_whole = replaced.is_some_and(|replaced| replaced.value("origin").is_none());
        if was_whole && !key::has_a_key(&now) {
            // What it was cloned from was itself no clone.
            return Ok(Promotion::Done);
        }
        now = existing(name)?;
        load_key_again(zfs, &now)?;
    }
    Ok(Promotion::Done)
}

/// Why nothing could be read of the dataset after its promotion; `None` if all could: what it replaced is not the root of
/// its encryption, or the root's key lies in a file.
fn key_would_be_missing(zfs: &Zfs<'_>, clone: &Properties) -> Result<Option<String>> {
    let name = zfs.name();
    if !key::has_a_key(clone) {
        return Ok(None);
    }
    // As it is, and not as it was when the clone was staged: its root was renamed since.
    let root = existing(name)?
        .value("encryptionroot")
        .map(ToOwned::to_owned);
    let Some(root) = root.filter(|root| *root != name) else {
        return Ok(None);
    };
    if !is_of_the_replaced(zfs, &format!("{root}@")) {
        return Ok(None);
    }
    if existing(&root)?.value("keylocation") == Some("prompt") {
        return Ok(Some(format!(
            "its key would have to be typed in; when you have it, `zfs promote {name}` and `zfs load-key {name}`"
        )));
    }
    let ended = call::try_zfs(&["load-key", "-n", &root])?;
    Ok((!ended.status.success()).then_some(ended.stderr))
}

/// Promotes a dataset whose mark says that this is pending. `applied` is told what came of it. That it is refused again
/// is no error.
///
/// # Errors
/// As [`promote`].
pub(super) fn again(zfs: &Zfs<'_>, applied: &mut Applied) -> Result<()> {
    let Some(found) = zfs.seen()?.dataset else {
        return Ok(());
    };
    let MarkState::Ours(mark) = found.mark() else {
        return Ok(());
    };
    if mark.stage != Stage::Unpromoted {
        return Ok(());
    }
    match promote(zfs, &found, None)? {
        Promotion::Pending(why) => {
            applied.changes.push(pending(zfs, &why));
            declared::set_the_late_ones(zfs, &found);
        }
        Promotion::Done | Promotion::WithTheLast => {
            mark_dataset(zfs, &existing(zfs.name())?, &mark.at_stage(Stage::Seeded))?;
            zfs.seen.replace(None);
            applied.changes.push(format!("promoted {}", zfs.name()));
        }
    }
    applied.differs.append(&mut zfs.not_set.take());
    Ok(())
}

/// See [`crate::Storage::settle_later`].
pub(super) fn later(zfs: &Zfs<'_>, applied: &mut Applied) -> Result<()> {
    let found = properties::get(zfs.name())?;
    if !found.as_ref().is_some_and(is_to_be_promoted) {
        return Ok(());
    }
    // Who is at work on it tries as well.
    match lock::try_lock(zfs.service)? {
        Some(_lock) => {
            zfs.look()?;
            again(zfs, applied)
        }
        None => Ok(()),
    }
}

/// Whether a dataset's mark says that its promotion is pending.
pub(super) fn is_to_be_promoted(found: &Properties) -> bool {
    matches!(found.mark(), MarkState::Ours(mark) if mark.stage == Stage::Unpromoted)
}

/// That a promotion is pending, in words.
pub(super) fn pending(zfs: &Zfs<'_>, why: &str) -> String {
    format!(
        "{} is in use, but is still a clone of what it replaced, which cannot be released: {why}; \
         promoting it is tried again at each start and once a day",
        zfs.name()
    )
}

/// The stage that a mark gets which is written now, or put back, whatever it says: whether a dataset whose data is there is
/// still to be promoted, the dataset itself tells. All else that it says is of the data.
fn as_it_is(stage: Stage, is_pending: bool) -> Stage {
    match stage {
        Stage::Seeded | Stage::Unpromoted if is_pending => Stage::Unpromoted,
        Stage::Seeded | Stage::Unpromoted => Stage::Seeded,
        Stage::Staging | Stage::Staged | Stage::Seeding => stage,
    }
}

/// Loads the key of a dataset that was cloned and is to be promoted, or was just now, if it lies in a file: it is its own
/// root's, or that of what it replaced, for which nothing else loads it at boot. Gives whether it did.
///
/// # Errors
/// When it cannot be loaded.
pub(super) fn load_key_again(zfs: &Zfs<'_>, found: &Properties) -> Result<bool> {
    let is_on_the_way = matches!(
        found.mark(),
        MarkState::Ours(mark) if matches!(mark.stage, Stage::Staged | Stage::Unpromoted)
    );
    let Some(root) = found
        .value("encryptionroot")
        .filter(|_| is_on_the_way && key::must_have_its_key(found).is_err())
    else {
        return Ok(false);
    };
    let is_own = root == zfs.name();
    if !is_own && !is_of_the_replaced(zfs, &format!("{root}@")) {
        return Ok(false);
    }
    if existing(root)?.value("keylocation") == Some("prompt") {
        return Ok(false);
    }
    call::zfs(&["load-key", root])?;
    Ok(true)
}

/// Whether a dataset with these properties is a clone of what it replaced.
fn is_pending(zfs: &Zfs<'_>, properties: &Properties) -> bool {
    properties
        .value("origin")
        .is_some_and(|origin| is_of_the_replaced(zfs, origin))
}

/// Whether a clone's origin is a snapshot of the dataset it replaces, which had its name or has a kept one.
fn is_of_the_replaced(zfs: &Zfs<'_>, origin: &str) -> bool {
    origin.starts_with(&kept_prefix(zfs))
        || origin
            .split_once('@')
            .is_some_and(|(dataset, _)| dataset == zfs.name())
}

/// How the names begin of what was replaced.
fn kept_prefix(zfs: &Zfs<'_>) -> String {
    zfs.beside(&format!("{}:preseed-kept-", zfs.leaf()))
}

/// The snapshots that the dataset will own once it is promoted: its origin, and what was taken before.
///
/// # Errors
/// When they cannot be listed.
pub(super) fn snapshots_to_come(zfs: &Zfs<'_>) -> Result<Vec<Listed>> {
    let mut to_come = Vec::new();
    let mut clone = zfs.seen()?.dataset;
    while let Some(found) = clone.filter(|found| is_pending(zfs, found)) {
        let origin = found.value("origin").unwrap_or_default();
        let replaced = origin.split_once('@').map_or(origin, |(name, _)| name);
        let mut listed = snapshots_of(replaced)?.unwrap_or_default();
        // Those of nobody else: what was taken of it since stays with it.
        let last = listed
            .iter()
            .find(|listed| listed.snapshot.name == origin)
            .map(|listed| listed.created);
        listed.retain(|listed| Some(listed.created) <= last);
        to_come.extend(listed);
        clone = properties::get(replaced)?;
    }
    Ok(to_come)
}

/// Writes a mark to the service's dataset, which has these properties, bound to its guid: at the stage that the dataset is in.
pub(super) fn mark_dataset(zfs: &Zfs<'_>, properties: &Properties, mark: &Mark) -> Result<()> {
    let is_ours = matches!(properties.mark(), MarkState::Ours(_));
    let stage = as_it_is(mark.stage, is_ours && is_pending(zfs, properties));
    let text = mark.at_stage(stage).bound_to(&properties.identity());
    let mut sets = vec![format!("{PROPERTY}={text}")];
    let has_data = mark.at_stage(stage).is_seeded();
    if has_data {
        sets.extend(declared::is_whole(zfs, properties).map(|noted| noted.set()));
    }
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    call::zfs(&[&["set"], &sets[..], &[properties.dataset()]].concat())?;
    if has_data {
        declared::set_the_late_ones(zfs, properties);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_put_back_says_of_the_promotion_what_is_so_now() {
        use Stage::{Seeded, Seeding, Staged, Staging, Unpromoted};
        for (before, promoted, pending) in [
            (Seeded, Seeded, Unpromoted),
            (Unpromoted, Seeded, Unpromoted),
            // Whether the data is there is told by these, and only by these.
            (Seeding, Seeding, Seeding),
            (Staged, Staged, Staged),
            (Staging, Staging, Staging),
        ] {
            assert_eq!(as_it_is(before, false), promoted);
            assert_eq!(as_it_is(before, true), pending);
        }
    }
}
