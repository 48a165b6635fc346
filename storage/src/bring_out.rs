//! A directory that files of a service are brought out to: an admin's, and nobody's that the service needs.
//!
//! Other users may be able to write to it, or to a directory above it. So it is held by a descriptor, no link of theirs is
//! followed on the way, what comes is written into a directory of root's alone in it, and is moved out of that by name at the
//! end, over nothing that is there.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use declaration::settings::{Service, Storage};
use rustix::fs::{Mode, RenameFlags, mkdirat, renameat_with};

use crate::trial::Tree;
use crate::way::{self, Held, Spot};
use crate::{Error, Result, namespace, shown, tree};

/// The directory, held, and the one in it that is filled.
#[derive(Debug)]
pub struct Outside {
    path: PathBuf,
    held: Held,
    room: Spot,
    filled: Held,
}

/// The directory that is filled, for a thread with a mount namespace of its own.
pub struct Seen(Tree);

impl Seen {
    /// Shows it in the namespace of this thread. Gives where (absolute).
    ///
    /// # Errors
    /// When it cannot be mounted there.
    pub(crate) fn show(&self) -> Result<PathBuf> {
        let place = namespace::directory(Path::new(namespace::PLACE), "into")?;
        let mounted = self.0.mount_at(&place);
        mounted.map_err(|error| refused(&place, "cannot be mounted on", &error))?;
        Ok(place)
    }
}

impl Outside {
    /// The directory `path` (absolute), which is made, for root alone, if only it is missing. `service` is whose files are
    /// to be brought there. With `may_hold_others` it need not be empty.
    ///
    /// # Errors
    /// When it is in the service's data, is not empty, or another user can have made a link on the way to it.
    pub fn at(path: &Path, parts: &[&Service], may_hold_others: bool) -> Result<Self> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(otherwise(path, "nothing is brought out to that"));
        };
        if path
            .symlink_metadata()
            .is_err_and(|error| error.kind() == ErrorKind::NotFound)
        {
            let way = way::down(parent, None, false)?;
            must_not_be_in_the_data(path, &way, parts)?;
            let parent = way
                .last()
                .ok_or_else(|| otherwise(path, "it has nothing above it"))?;
            // What is there meanwhile, a link as well, makes this fail.
            mkdirat(parent.file(), name, Mode::RWXU)
                .map_err(|error| refused(path, "cannot be created", &error.into()))?;
        }
        let way = way::down(path, None, false)?;
        must_not_be_in_the_data(path, &way, parts)?;
        let held = way.last().cloned();
        let held = held.ok_or_else(|| otherwise(path, "nothing is brought out to that"))?;
        if !may_hold_others && !names_in(&held, path)?.is_empty() {
            return Err(Error::new(
                shown(path),
                "it is not empty, and nothing was brought out",
                "name an empty directory or one that is not there, or add --force: nothing that is there is overwritten",
            ));
        }
        let room = held.entry(format!(".preseed-into-{}", std::process::id()));
        mkdirat(
            held.file(),
            room.at.file_name().unwrap_or_default(),
            Mode::RWXU,
        )
        .map_err(|error| refused(&room.real, "cannot be created", &error.into()))?;
        let filled = room
            .hold()
            .map_err(|error| refused(&room.real, "cannot be opened", &error))?;
        Ok(Self {
            path: path.to_owned(),
            held,
            room,
            filled,
        })
    }

    /// Gives `work` what shows the directory to fill in another mount namespace.
    ///
    /// # Errors
    /// When it cannot be shown; else what `work` gives.
    pub fn seen<T>(&self, work: impl FnOnce(&Seen) -> Result<T>) -> Result<T> {
        let tree = Tree::of(self.filled.file());
        let tree = tree.map_err(|error| refused(&self.room.real, "cannot be mounted", &error))?;
        work(&Seen(tree))
    }

    /// Gives `work` the directory to fill (absolute), in a mount namespace that sees what `service` needs.
    ///
    /// # Errors
    /// When it cannot be made to be seen.
    pub fn inside(&self, service: &Service, work: &mut (dyn FnMut(&Path) + Send)) -> Result<()> {
        let needs = namespace::needs(service);
        self.seen(|seen| {
            namespace::inside(&shown(&self.path), &needs, |_| {
                work(&seen.show()?);
                Ok(())
            })
        })
    }

    /// Moves all that has come to where it was to come, over nothing that is there. Gives the names.
    ///
    /// # Errors
    /// When something of a name is there. Then nothing is moved.
    pub fn finish(self) -> Result<Vec<OsString>> {
        let (from, into) = (self.filled.file(), self.held.file());
        // It has taken the owner and mode of what was copied.
        let ours = fchown(from, Some(0), Some(0))
            .and_then(|()| from.set_permissions(Permissions::from_mode(0o700)));
        ours.map_err(|error| refused(&self.room.real, "cannot be made root's alone", &error))?;
        let names = names_in(&self.filled, &self.room.real)?;
        if names.is_empty() {
            let path = self.path.clone();
            self.discard();
            return Err(Error::new(
                shown(&path),
                "nothing was brought out: the snapshot holds nothing of it",
                "see what there is with `preseedctl list`, and how the paths are written",
            ));
        }
        let there = names_in(&self.held, &self.path)?;
        if let Some(taken) = names.iter().find(|name| there.contains(name)) {
            let path = self.path.join(taken);
            self.discard();
            return Err(Error::new(
                shown(&path),
                "it is there already, and nothing was brought out",
                "move it away, or name another directory",
            ));
        }
        for name in &names {
            renameat_with(from, name, into, name, RenameFlags::NOREPLACE).map_err(|error| {
                let what = format!("cannot be moved to {}", shown(&self.path));
                refused(&self.room.real.join(name), &what, &error.into())
            })?;
        }
        std::fs::remove_dir(&self.room.at)
            .map_err(|error| refused(&self.room.real, "cannot be removed", &error))?;
        Ok(names)
    }

    /// Throws away what has come. What cannot be removed stays: it is root's alone.
    pub fn discard(self) {
        let _ = tree::remove(&self.room.at);
    }
}

/// The names of all that lies in a directory that is held.
fn names_in(held: &Held, path: &Path) -> Result<Vec<OsString>> {
    let unreadable = |error: io::Error| refused(path, "cannot be looked into", &error);
    let opened = held.entry(".").open().map_err(unreadable)?;
    let by_descriptor = format!("/proc/self/fd/{}", opened.as_raw_fd());
    let entries = std::fs::read_dir(by_descriptor).map_err(unreadable)?;
    let names = entries.map(|entry| Ok(entry?.file_name()));
    names.collect::<io::Result<_>>().map_err(unreadable)
}

/// That a directory is not in the data of any part of the service, by whatever path.
fn must_not_be_in_the_data(path: &Path, way: &[Held], parts: &[&Service]) -> Result<()> {
    let mut parts = parts.iter();
    parts.try_for_each(|part| must_not_be_in(path, way, part))
}

fn must_not_be_in(path: &Path, way: &[Held], service: &Service) -> Result<()> {
    let Ok(data) = service.mountpoint.metadata() else {
        return Ok(());
    };
    let is_it = |held: &Held| {
        let found = held.file().metadata();
        // Whatever cannot be told is no.
        found.is_ok_and(|found| (found.dev(), found.ino()) == (data.dev(), data.ino()))
    };
    // A dataset is a file system of its own, wherever a part of it is mounted.
    let is_a_dataset = matches!(service.storage, Storage::Zfs(_))
        && crate::mountinfo::at(&service.mountpoint)?.is_some();
    let is_in_it = is_a_dataset && way.last().is_some_and(|last| last.device == data.dev());
    if way.iter().any(is_it) || is_in_it {
        return Err(Error::new(
            shown(path),
            format!("it is in the data of {} itself", service.name),
            "name a directory elsewhere; nothing was brought out",
        ));
    }
    Ok(())
}

fn otherwise(path: &Path, what: &str) -> Error {
    Error::new(shown(path), what, "name a directory as an absolute path")
}

fn refused(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::new(
        shown(path),
        format!("{what}: {error}"),
        "see that its file system is sound, has room and is writable, or name another directory",
    )
}
