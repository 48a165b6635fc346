//! Takes a dataset from the places where it is mounted, so that another can take its place; or puts all back as it was.
//!
//! In this order: it is told not to be mounted again, it is unmounted where the whole machine sees it (what propagates
//! to other mount namespaces goes with it), and then those are looked for who still have it. One who only reads, or has
//! it in a copy of the whole machine's mounts, as monitoring containers do, does not notice, and does not matter. One who
//! has mounted it to write would go on writing where nobody looks: that stops it, and is told with what to restart.

use std::path::Path;

use super::dataset::Zfs;
use super::program::{self, Change};
use super::properties::Properties;
use super::properties::existing;
use super::{aside, call, inspect, kept_record, kinds, mount as mounting, mounted, objset, shut};
use crate::binds::{self, Bind};
use crate::held_mount::HeldMount;
use crate::holders::{self, Data};
use crate::kept::Note;
use crate::mountinfo::{self, Mount};
use crate::namespaces;
use crate::unmount::unmount;
use crate::writers;
use crate::{Error, ErrorKind, Result, quoted, shown, step};

/// A dataset that was taken from its places.
pub(super) struct Withdrawn<'f> {
    /// What was found of it before.
    found: &'f Properties,
    was_mounted: bool,
    /// Who still has it mounted, in words.
    pub(super) seen_by: Option<String>,
}

/// Takes the real dataset, which has these properties, from everywhere, notes on it why it is replaced, and that it is
/// not mounted by itself any more. `successor` is the dataset that takes its place.
///
/// # Errors
/// When somebody needs it where it is. Then all is as it was.
pub(super) fn withdraw<'f>(
    zfs: &Zfs<'_>,
    found: &'f Properties,
    successor: &str,
    note: &Note,
) -> Result<Withdrawn<'f>> {
    let name = zfs.name();
    let before = mountinfo::own()?;
    let was_mounted = mounted::is_mounted(zfs)?;
    let binds = binds::of(&before, &Data::Dataset(name), &zfs.service.mountpoint)?;
    if binds.iter().any(|bind| bind.part != Path::new("")) {
        inspect::mounted(successor, |root| binds::must_fit(&binds, root))?;
    }
    binds::note(zfs.service, &binds)?;
    let mut withdrawn = Withdrawn {
        found,
        was_mounted,
        seen_by: None,
    };
    // First, so that `zfs mount -a` does not mount it again in between.
    let mut sets = vec![
        "canmount=noauto".to_owned(),
        format!("{}={note}", kinds::KEPT),
    ];
    let aside = aside::properties(Some(found)).into_iter();
    sets.extend(aside.map(|(property, value)| format!("{property}={value}")));
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let told = call::zfs(&[&["set"], &sets[..], &[name]].concat());
    kept_record::begin(found, note);
    let taken = told
        .and_then(|_| aside::unshare(name, found))
        .and_then(|shared| take_down(zfs, &before, &binds).map(|()| shared))
        .and_then(|shared| Ok((shared, who_is_left(zfs, found, &before)?)));
    match taken {
        Ok((shared, seen_by)) => {
            let seen_by: Vec<String> = shared.into_iter().chain(seen_by).collect();
            withdrawn.seen_by = (!seen_by.is_empty()).then(|| seen_by.join("; "));
            Ok(withdrawn)
        }
        Err(error) => Err(withdrawn.put_back(zfs, error)),
    }
}

/// See [`crate::InPlace::step_aside`]. Where else it is mounted, it stays.
pub(super) fn step_aside(zfs: &Zfs<'_>, is_replaced: bool) -> Result<()> {
    if !mounted::is_mounted(zfs)? {
        return Ok(());
    }
    let point = &zfs.service.mountpoint;
    unmount(point, &Data::Dataset(zfs.name()), |held| {
        if !is_replaced || held.is_read_only() {
            return Ok(());
        }
        shut::write_note(zfs)?;
        if !shut_writers_out(zfs, held)? {
            let _ = held.make_read_only();
        }
        Ok(())
    })
}

/// See [`crate::InPlace::step_back`].
pub(super) fn step_back(zfs: &Zfs<'_>) -> Result<()> {
    if mounted::is_mounted(zfs)? {
        return shut::reopen(zfs).map(drop);
    }
    // Of what is mounted read-only, ZFS tells readonly=on.
    let found = existing(zfs.name())?;
    // Who stands in what was unmounted may keep its file system read-only.
    mounting::at_place(zfs, &found, true)?;
    make_writable(zfs, &found)?;
    shut::forget(zfs)
}

/// Unmounts it where the whole machine sees it.
fn take_down(zfs: &Zfs<'_>, before: &[Mount], binds: &[Bind]) -> Result<()> {
    let mut is_read_only = false;
    let place = mountinfo::without_links(&zfs.service.mountpoint);
    let at_place = before
        .iter()
        .filter(|mount| mount.point == place && mount.is_of_dataset(zfs.name()));
    let points = binds
        .iter()
        .rev()
        .map(|bind| &bind.point)
        .chain(at_place.map(|mount| &mount.point));
    for point in points {
        unmount(point, &Data::Dataset(zfs.name()), |held| {
            // A reader does not keep a service down, a shell that stands there neither; a writer does.
            if !is_read_only {
                is_read_only = shut_writers_out(zfs, held)?;
            }
            if !is_read_only {
                // Who stands there can write nothing more through this mount. It is refused to one through which a deleted
                // file is open for writing, which does not matter.
                let _ = held.make_read_only();
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Makes it read-only for the whole machine, which the kernel refuses while anybody anywhere has a file of it open for
/// writing, or a deleted one open at all. Gives whether it is: if only deleted ones are open, nobody else ever sees what is
/// written to them, and there is nobody to be shut out.
fn shut_writers_out(zfs: &Zfs<'_>, held: &HeldMount) -> Result<bool> {
    let point = held.point();
    step::at(|| format!("remount {} read-only", shown(point)));
    let Err(error) = held.make_all(true, &shut::options(zfs)) else {
        return Ok(true);
    };
    let writers = writers::of(held.device());
    if writers.only_hold_deleted_files() {
        return Ok(false);
    }
    let otherwise = format!("somebody writes to it ({error})");
    Err(Error::new(
        shown(point),
        format!("it cannot be replaced: {}", writers.in_words(&otherwise)),
        writers.help(),
    )
    .of_kind(ErrorKind::Busy))
}

/// Who still has it, in words; `None` if nobody has.
///
/// # Errors
/// When somebody has who would go on writing to it, or when that cannot be told.
fn who_is_left(zfs: &Zfs<'_>, found: &Properties, before: &[Mount]) -> Result<Option<String>> {
    let name = zfs.name();
    // Where the kernel does not tell whether it is mounted, all who have it mounted are looked at.
    if let Ok(false) = objset::is_mounted_anywhere(name, found.value("objsetid")) {
        return Ok(None);
    }
    let machine = namespaces::look()?;
    let holders = holders::of(&machine, &Data::Dataset(name), before, zfs.service);
    holders::must_not_write(name, &holders, &machine)?;
    if holders.is_empty() {
        return Ok(Some(
            "a process that stood in it, or a mount namespace that no process is in".to_owned(),
        ));
    }
    Ok(Some(holders::in_words(&holders)))
}

impl Withdrawn<'_> {
    /// Makes all as it was before, since this error kept it from being replaced. Gives what is to be told.
    pub(super) fn put_back(&self, zfs: &Zfs<'_>, error: Error) -> Error {
        match self.try_put_back(zfs) {
            Ok(()) => error,
            Err(also) => error.while_doing(&format!("not all is mounted as it was ({also}) after")),
        }
    }

    fn try_put_back(&self, zfs: &Zfs<'_>) -> Result<()> {
        let (name, found) = (zfs.name(), self.found);
        zfs.seen.replace(None);
        let canmount = found.value("canmount").unwrap_or("on");
        call::zfs(&["set", &format!("canmount={canmount}"), name])?;
        // What was noted is on it only now.
        let now = existing(name)?;
        if self.was_mounted {
            if !mounted::is_mounted(zfs)? {
                // Who stands in what was unmounted keeps its file system read-only.
                mounting::at_place(zfs, &now, true)?;
            }
            make_writable(zfs, found)?;
            aside::share_again(name, found)?;
        }
        forget_why(name, &now)?;
        binds::put_back(zfs.service).map(drop)
    }
}

/// Makes a dataset writable again where it is mounted, after writers were shut out and then it was not replaced.
/// One who has its old mount keeps the whole file system read-only.
pub(super) fn make_writable(zfs: &Zfs<'_>, found: &Properties) -> Result<()> {
    let place = &zfs.service.mountpoint;
    let data = Data::Dataset(zfs.name());
    let at_place = mountinfo::at(place)?.filter(|mounted| data.is_shown_by(mounted));
    let Some(mounted) = at_place.filter(Mount::is_read_only) else {
        return Ok(());
    };
    if found.value("readonly") == Some("on") {
        return Ok(());
    }
    step::at(|| format!("remount {} writable", shown(place)));
    let held = HeldMount::of(&mounted, &data);
    let made = held.and_then(|held| held.make_all(false, &shut::options(zfs)));
    made.map_err(|error| {
        Error::new(
            shown(place),
            format!("cannot be made writable again: {error}"),
            format!(
                "`mount -o remount,rw {0}`, then start the service again",
                quoted(place)
            ),
        )
        .caused_by(&error)
    })
}

/// Takes from a dataset with these properties, which is not replaced after all, what was noted on it.
pub(super) fn forget_why(name: &str, properties: &Properties) -> Result<()> {
    let mut changes = aside::changes_back(properties);
    changes.push(Change::Inherit(kinds::KEPT));
    program::change(name, &changes)?;
    kept_record::end(properties);
    Ok(())
}
