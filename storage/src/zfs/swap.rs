//! Puts a complete staged dataset in the real one's place. What was there is kept.
//!
//! Each step leaves a state from which [`resume`] goes on: the staged dataset's mark tells that it is complete,
//! the names tell which renames are done, and [`super::apply`] sets what is left to be set.

use jiff::Timestamp;

use super::dataset::Zfs;
use super::program::{Change, Made};
use super::properties::{self, Properties, gone};
use super::{
    admins, aside, brought_back, call, declared, half_done, kept_record, kinds, last_set,
    left_over, mount, mounted, names, promote, refusals, replaced, shut, staging, withdraw,
};
use crate::kept::Note;
use crate::mark::{PROPERTY, Stage};
use crate::{
    Kept, LeftOver, Mark, MarkState, Result, Seal, binds, kept, memory, mountinfo, mountpoint,
    namespaces, seal,
};

/// Makes the staged dataset complete: owner, mode, final mark and seal. Gives its properties.
pub(super) fn complete(zfs: &Zfs<'_>, mark: &Mark, taken: Timestamp) -> Result<Properties> {
    let service = zfs.service;
    // Beside the staged dataset, who tells users' names may not be seen.
    let who = mountpoint::owner(service)?;
    staging::inside(zfs, |staged| mountpoint::own_as(staged, who, service))?;
    let seen = zfs.seen()?;
    let staged = seen.staging.ok_or_else(|| gone(&zfs.staging_name()))?;
    if let Some(found) = &seen.dataset {
        admins::carry_over(zfs, found, staged.dataset())?;
    }
    let place = zfs.service.mountpoint.as_path();
    let over = seen.dataset.map(|dataset| (dataset.identity(), place));
    let marked = mark.at_stage(Stage::Staged).bound_to(&staged.identity());
    let changes = vec![
        Change::Set(seal::PROPERTY, Seal::new(over, taken)?.to_string()),
        Change::Set(PROPERTY, marked),
    ];
    // From here on it is the data, and is never thrown away.
    half_done::complete(zfs, mark, changes)?;
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
        Some(over) => kept_with(zfs, over)?.is_some(),
    };
    // Else somebody has taken the dataset away: whether the copy is to take its place is decided anew.
    if is_begun { resume(zfs) } else { Ok(None) }
}

/// The dataset with this identity, if it was renamed to a kept name beside the real one.
fn kept_with(zfs: &Zfs<'_>, identity: &str) -> Result<Option<Properties>> {
    let beside = zfs.beside("");
    let parent = beside.trim_end_matches('/');
    let which = ["-d", "1", "-t", "filesystem"];
    let told = properties::all(&which, &["sharenfs", "sharesmb", "guid"], &[parent])?;
    let prefix = zfs.beside(&format!("{}:preseed-kept-", zfs.leaf()));
    let mut kept = told
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix));
    Ok(kept
        .find(|(_, kept)| kept.identity() == identity)
        .map(|(_, kept)| kept))
}

/// What a dataset with these properties has replaced, as its seal says; `None` if that is not kept beside it.
fn replaced_by(zfs: &Zfs<'_>, properties: &Properties) -> Result<Option<Properties>> {
    let over = seal_of(properties).and_then(|seal| seal.over);
    over.map_or(Ok(None), |identity| kept_with(zfs, &identity))
}

/// See [`crate::Staging::resume`].
pub(super) fn resume(zfs: &Zfs<'_>) -> Result<Option<(Mark, Option<Kept>)>> {
    let Some(staged) = zfs.seen()?.staging else {
        return Ok(None);
    };
    let LeftOver::Complete(mark) = left_over::left_over(Some(&staged)) else {
        return Ok(None);
    };
    refusals::must_be_movable(zfs)?;
    let kept = swap(zfs, &staged, &mark)?;
    Ok(Some((mark, kept)))
}

/// Renames the real dataset aside and the staged one, which has these properties, to its name, and mounts it.
pub(super) fn swap(zfs: &Zfs<'_>, staged: &Properties, mark: &Mark) -> Result<Option<Kept>> {
    let staging = zfs.staging_name();
    let path = left_over::path(zfs);
    // Before the real one is touched: if something still uses the staged one, nothing has changed.
    if mountinfo::at(&path)?.is_some() {
        mountpoint::unmount(&path)?;
    }
    let real = zfs.seen()?.dataset;
    // The names change now: what was seen under them is so no more.
    zfs.seen.replace(None);
    let mut kept = match &real {
        Some(real) => Some(keep(zfs, real, mark)?),
        None => None,
    };
    // Else ZFS removes the directory of its mountpoint, which is the place: it may be one of another part's.
    call::zfs(&["rename", "-u", &staging, zfs.name()])?;
    // An empty directory in /run: it may stay.
    let _ = std::fs::remove_dir(&path);
    let pending = settle(zfs, staged, real.as_ref(), mark)?;
    if let Some(kept) = &mut kept {
        kept.pending = pending;
    }
    binds::put_back(zfs.service)?;
    Ok(kept)
}

/// Finishes a dataset that was renamed into its place: it loses what only a staged one has. `properties` are
/// those it has, or had when it was staged; `replaced` those of what it replaced just now.
///
/// Its mark says `staged` until the last step, so that an interrupted one is settled again. Gives why it is still to be
/// promoted, in words; `None` if it is not.
pub(super) fn settle(
    zfs: &Zfs<'_>,
    properties: &Properties,
    replaced: Option<&Properties>,
    mark: &Mark,
) -> Result<Option<String>> {
    let name = zfs.name();
    zfs.seen.replace(None);
    // Promoted only here: a promoted staged dataset would own the older snapshots.
    let promotion = promote::before_it_is_mounted(zfs, properties, replaced)?;
    let is_mounted = mounted::is_mounted(zfs)?;
    if !is_mounted {
        mountpoint::must_be_mountable(zfs.service)?;
        have_its_place(zfs, properties)?;
        mount::at_place(zfs, properties, false)?;
    }
    // Whoever was shut out of what it replaces stays so.
    shut::forget(zfs)?;
    let found = match replaced {
        None if aside::was_shared(properties) => replaced_by(zfs, properties)?,
        _ => None,
    };
    aside::share(name, properties, replaced.or(found.as_ref()))?;
    let canmount = format!("canmount={}", aside::canmount(properties));
    call::zfs(&["set", &canmount, name])?;
    let mut changes = aside::changes_back(properties);
    if brought_back::note_of(properties).is_some() {
        changes.push(Change::Inherit(kinds::KEPT));
        kept_record::end(properties);
    }
    if let Some(noted) = declared::is_whole(zfs, properties) {
        changes.push(Change::Set(last_set::PROPERTY, noted.value()));
    }
    let identity = properties.identity();
    let remembered = memory::with_the_data(zfs.service, &identity, mark);
    let replacement = remembered.as_ref().map(|it| &it.in_pool);
    let (pending, made) = promote::finish(zfs, promotion, replacement, |stage| {
        let seeded = mark.at_stage(stage).bound_to(&identity);
        let last = Change::Set(PROPERTY, seeded);
        changes.iter().cloned().chain([last]).collect()
    })?;
    if let Some(remembered) = remembered.filter(|_| made == Made::All) {
        remembered.note(zfs.service);
    }
    declared::set_the_late_ones(zfs, properties);
    // What the service sees there must be what was restored.
    mounted::must_be_mounted(zfs)?;
    let stage = pending
        .as_ref()
        .map_or(Stage::Seeded, |_| Stage::Unpromoted);
    let placed = (identity, MarkState::Ours(mark.at_stage(stage)));
    zfs.placed.replace(Some(placed));
    Ok(pending)
}

/// Gives a dataset that was staged by an earlier version the mountpoint of the service. ZFS does not mount it by itself.
fn have_its_place(zfs: &Zfs<'_>, properties: &Properties) -> Result<()> {
    let place = zfs.service.mountpoint.to_string_lossy();
    let has = |property: &str, value: &str| {
        properties.is_given(property) && properties.value(property) == Some(value)
    };
    if has("mountpoint", &place) && has("canmount", "noauto") {
        return Ok(());
    }
    let place = format!("mountpoint={place}");
    call::zfs(&["set", &place, "canmount=noauto", zfs.name()]).map(drop)
}

/// Takes the real dataset, which has these properties, out of its place and renames it to a name that says when and why.
fn keep(zfs: &Zfs<'_>, found: &Properties, mark: &Mark) -> Result<Kept> {
    let name = zfs.name();
    let note = Note::of_replaced(mark);
    let kept = names::kept(zfs, name, &note)?;
    let withdrawn = withdraw::withdraw(zfs, found, &zfs.staging_name(), &note)?;
    // Where `zfs` could mount it, it is not mounted any more, and must not be again.
    if let Err(error) = call::zfs(&["rename", "-u", name, &kept]) {
        return Err(withdrawn.put_back(zfs, error));
    }
    Ok(Kept {
        name: kept,
        seen_by: withdrawn.seen_by,
        pending: None,
    })
}

/// Renames a complete staged dataset that is needed no more to a kept name. One at most is kept so.
pub(super) fn retire(zfs: &Zfs<'_>, mark: &Mark) -> Result<Kept> {
    let staged = zfs.seen()?.staging;
    if let Some(staged) = &staged
        && let Some(kept) = brought_back::keep_again(zfs, staged)?
    {
        return Ok(kept);
    }
    let note = Note::new(kept::UNUSED, mark);
    let container = zfs
        .name()
        .rsplit_once('/')
        .map_or(zfs.name(), |(parent, _)| parent);
    if let Ok((listed, _)) =
        namespaces::look().and_then(|machine| replaced::list(container, &machine))
    {
        crate::replaced::entry::remove_unused(&listed, zfs.name());
    }
    let staging = zfs.staging_name();
    let kept = names::kept(zfs, &staging, &note)?;
    if mountinfo::at(&left_over::path(zfs))?.is_some() {
        mountpoint::unmount(&left_over::path(zfs))?;
    }
    zfs.seen.replace(None);
    call::zfs(&["set", &format!("{}={note}", kinds::KEPT), &staging])?;
    if let Some(staged) = &staged {
        kept_record::begin(staged, &note);
    }
    call::zfs(&["rename", "-u", &staging, &kept])?;
    Ok(Kept {
        name: kept,
        seen_by: None,
        pending: None,
    })
}
