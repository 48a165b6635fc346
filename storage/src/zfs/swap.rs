//! Puts a complete staged dataset in the real one's place. What was there is kept.
//!
//! Each step leaves a state from which [`resume`] goes on: the staged dataset's mark tells that it is complete,
//! the names tell which renames are done, and [`super::apply`] sets what is left to be set.

use jiff::Timestamp;

use super::properties::Properties;
use super::{Zfs, apply, aside, call, existing, found, gone, half_done, replaced, staging};
use crate::kept::Note;
use crate::mark::{PROPERTY, Stage};
use crate::{Kept, LeftOver, Mark, Result, Seal, kept, mountinfo, mountpoint, seal};

/// The property that says when and why a dataset was replaced.
pub(super) const KEPT: &str = "preseed:kept";

/// Makes the staged dataset complete: owner, mode, final mark and seal. Gives its properties.
pub(super) fn complete(zfs: &Zfs<'_>, mark: &Mark, taken: Timestamp) -> Result<Properties> {
    let service = zfs.service;
    staging::inside(zfs, |staged| {
        mountpoint::own(staged, service, &mut Vec::new())
    })?;
    let seen = zfs.seen()?;
    let staged = seen.staging.ok_or_else(|| gone(&zfs.staging_name()))?;
    let place = &*zfs.service.mountpoint;
    let over = seen.dataset.map(|dataset| (dataset.identity(), place));
    let seal = format!("{}={}", seal::PROPERTY, Seal::new(over, taken)?);
    let marked = mark.at_stage(Stage::Staged).bound_to(&staged.identity());
    let mut sets = vec![format!("{PROPERTY}={marked}"), seal];
    sets.extend(half_done::note(zfs, mark)?);
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    // From here on it is the data, and is never thrown away.
    call::zfs(&[&["set"], &sets[..], &[staged.dataset()]].concat())?;
    Ok(staged)
}

/// What was noted when a staged dataset was sealed; `None` if that cannot be read.
pub(super) fn seal_of(staged: &Properties) -> Option<Seal> {
    let text = staged.value(seal::PROPERTY)?;
    Seal::parse(text).filter(|_| staged.is_local(seal::PROPERTY))
}

/// Goes on with a swap of a dataset that is missing, if it was begun, or if the dataset was missing before.
pub(super) fn go_on(zfs: &Zfs<'_>) -> Result<Option<(Mark, Option<Kept>)>> {
    let Some(seal) = zfs.seen()?.staging.as_ref().and_then(seal_of) else {
        return Ok(None);
    };
    let is_begun = match &seal.over {
        None => true,
        Some(over) => is_kept(zfs, over)?,
    };
    // Else somebody has taken the dataset away: whether the copy is to take its place is decided anew.
    if is_begun { resume(zfs) } else { Ok(None) }
}

/// Whether the dataset with this identity was renamed to a kept name beside the real one.
fn is_kept(zfs: &Zfs<'_>, identity: &str) -> Result<bool> {
    let beside = zfs.beside("");
    let parent = beside.trim_end_matches('/');
    let columns = ["-d", "1", "-t", "filesystem", "-o", "value,name"];
    let told = call::zfs(&[&["get", "-H", "-p"], &columns[..], &["guid", parent]].concat())?;
    let prefix = zfs.beside(&format!("{}:preseed-kept-", zfs.leaf()));
    Ok(told
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .any(|(guid, name)| format!("guid:{guid}") == identity && name.starts_with(&prefix)))
}

/// See [`crate::Storage::resume`].
pub(super) fn resume(zfs: &Zfs<'_>) -> Result<Option<(Mark, Option<Kept>)>> {
    let Some(staged) = zfs.seen()?.staging else {
        return Ok(None);
    };
    let LeftOver::Complete(mark) = staging::left_over(Some(&staged)) else {
        return Ok(None);
    };
    found::must_be_movable(zfs)?;
    let kept = swap(zfs, &staged, &mark)?;
    Ok(Some((mark, kept)))
}

/// Renames the real dataset aside and the staged one, which has these properties, to its name, and mounts it.
pub(super) fn swap(zfs: &Zfs<'_>, staged: &Properties, mark: &Mark) -> Result<Option<Kept>> {
    let staging = zfs.staging_name();
    let path = staging::path(zfs);
    // Before the real one is touched: if something still uses the staged one, nothing has changed.
    if mountinfo::at(&path)?.is_some() {
        mountpoint::unmount(&path)?;
    }
    let real = zfs.seen()?.dataset;
    // The names change now: what was seen under them is so no more.
    zfs.seen.replace(None);
    let kept = if let Some(real) = real {
        Some(keep(zfs, &real, mark)?)
    } else {
        None
    };
    call::zfs(&["rename", &staging, zfs.name()])?;
    // An empty directory in /run: it may stay.
    let _ = std::fs::remove_dir(&path);
    settle(zfs, staged, mark)?;
    Ok(kept)
}

/// Finishes a dataset that was renamed into its place: it loses what only a staged one has. `properties` are
/// those it has, or had when it was staged.
///
/// Its mark says `staged` until the last step, so that an interrupted one is settled again.
pub(super) fn settle(zfs: &Zfs<'_>, properties: &Properties, mark: &Mark) -> Result<()> {
    let name = zfs.name();
    zfs.seen.replace(None);
    aside::put_back(name, properties)?;
    // Promoted only here: a promoted staged dataset would own the older snapshots.
    if properties
        .value("origin")
        .is_some_and(|origin| is_of_the_replaced(zfs, origin))
    {
        call::zfs(&["promote", name])?;
        if found::has_a_key(properties) {
            load_key(name)?;
        }
    }
    mountpoint::must_be_mountable(zfs.service)?;
    let place = format!("mountpoint={}", zfs.service.mountpoint.display());
    let seeded = format!(
        "{PROPERTY}={}",
        mark.at_stage(Stage::Seeded)
            .bound_to(&properties.identity())
    );
    call::zfs(&["set", &place, "canmount=on", &seeded, name])?;
    aside::forget(name, properties)?;
    if !apply::is_mounted(zfs)? {
        call::zfs(&["mount", name])?;
    }
    Ok(())
}

/// Loads the key of a dataset that has just become the root of its encryption: a promotion takes over the
/// root from the origin, and the kernel then asks for the key again.
fn load_key(name: &str) -> Result<()> {
    let promoted = existing(name)?;
    if found::must_have_its_key(&promoted).is_ok() {
        return Ok(());
    }
    if promoted.value("keylocation") != Some("prompt") {
        call::zfs(&["load-key", name])?;
        return Ok(());
    }
    found::must_have_its_key(&promoted)
}

/// Whether a clone's origin is a snapshot of the dataset it replaces, which had its name or has a kept one.
fn is_of_the_replaced(zfs: &Zfs<'_>, origin: &str) -> bool {
    let kept = zfs.beside(&format!("{}:preseed-kept-", zfs.leaf()));
    origin.starts_with(&kept)
        || origin
            .split_once('@')
            .is_some_and(|(dataset, _)| dataset == zfs.name())
}

/// Unmounts the real dataset and renames it to a name that says when and why.
fn keep(zfs: &Zfs<'_>, real: &Properties, mark: &Mark) -> Result<Kept> {
    let name = zfs.name();
    let note = Note::new(&format!("before-{}", mark.by), mark);
    let kept = zfs.beside(&kept::kept_with(zfs.leaf(), &note));
    if apply::is_mounted(zfs)? {
        call::zfs(&["unmount", name])?;
    }
    // A real one is never mounted again by `zfs mount -a` once its successor is decided.
    let mut sets = vec!["canmount=noauto".to_owned(), format!("{KEPT}={note}")];
    let aside = aside::properties(Some(real));
    sets.extend(
        aside
            .iter()
            .map(|(property, value)| format!("{property}={value}")),
    );
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    call::zfs(&[&["set"], &sets[..], &[name]].concat())?;
    call::zfs(&["rename", name, &kept])?;
    Ok(Kept { name: kept })
}

/// Renames a complete staged dataset that is needed no more to a kept name. One at most is kept so.
pub(super) fn retire(zfs: &Zfs<'_>, mark: &Mark) -> Result<Kept> {
    let note = Note::new(kept::UNUSED, mark);
    replaced::remove_unused(zfs.name());
    let kept = zfs.beside(&kept::kept_with(zfs.leaf(), &note));
    let staging = zfs.staging_name();
    if mountinfo::at(&staging::path(zfs))?.is_some() {
        mountpoint::unmount(&staging::path(zfs))?;
    }
    zfs.seen.replace(None);
    call::zfs(&["set", &format!("{KEPT}={note}"), &staging])?;
    call::zfs(&["rename", &staging, &kept])?;
    Ok(Kept { name: kept })
}
