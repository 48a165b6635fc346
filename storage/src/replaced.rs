//! What restores replaced and keep beside the storage: listed, and released when somebody says so or its time is over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use declaration::settings::{KeepReplaced, Service, Storage};
use jiff::{SignedDuration, Timestamp};

use crate::kept::Note;
use crate::{Error, Result, directory, mark, zfs};

/// Storage that a restore replaced.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// Its full name: a dataset, or an absolute path.
    pub name: String,
    /// The dataset or directory it was until then.
    pub of: String,
    /// Whether what replaced it is there.
    pub has_successor: bool,
    /// When it was replaced, and why.
    pub note: Note,
    /// The bytes that are free once it is released.
    pub bytes: u64,
    /// The names of its snapshots, which go with it, without the dataset's.
    pub snapshots: Vec<String>,
    pub(crate) place: Place,
}

/// Where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A dataset, which has this child, is mounted, or has snapshots that somebody needs.
    Dataset(InTheWay),
    /// A directory.
    Directory(PathBuf),
}

/// What keeps a dataset from being destroyed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InTheWay {
    /// Whether it is mounted.
    pub(crate) mounted: bool,
    /// A dataset below it.
    pub(crate) child: Option<String>,
    /// A snapshot that is held.
    pub(crate) held: Option<String>,
    /// A snapshot and its clones.
    pub(crate) cloned: Option<(String, String)>,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Listing {
    /// By name.
    pub replaced: Vec<Replaced>,
    /// Where it could not be looked.
    pub errors: Vec<Error>,
}

/// Finds what restores of these services replaced, and those of others that lie beside them.
pub fn list(services: &[Service]) -> Listing {
    let mut listing = Listing::default();
    let mut containers = BTreeSet::new();
    let mut directories: BTreeSet<PathBuf> = BTreeSet::new();
    for service in services {
        match &service.storage {
            Storage::Zfs(dataset) => containers.insert(dataset.parent.as_str().to_owned()),
            Storage::Directory => {
                let parent = service.mountpoint.parent().unwrap_or(Path::new("/"));
                directories.insert(parent.to_owned())
            }
        };
    }
    for container in &containers {
        listing.take(zfs::replaced::list(container));
    }
    for directory in &directories {
        listing.take(directory::replaced::list(directory));
    }
    listing.replaced.sort_by(|a, b| a.name.cmp(&b.name));
    listing
}

impl Listing {
    fn take(&mut self, found: Result<Vec<Replaced>>) {
        match found {
            Ok(replaced) => self.replaced.extend(replaced),
            Err(error) => self.errors.push(error),
        }
    }
}

impl Replaced {
    /// The service among these whose storage it was; `None` if none of them is.
    pub fn service<'a>(&self, services: &'a [Service]) -> Option<&'a Service> {
        services.iter().find(|service| match &service.storage {
            Storage::Zfs(dataset) => dataset.name.as_str() == self.of,
            Storage::Directory => {
                matches!(self.place, Place::Directory(_))
                    && service.mountpoint.value == Path::new(&self.of)
            }
        })
    }

    /// When its time is over, or will be if the daily timer sees it now; `None`: never, since it is kept forever, or its
    /// service or its time is not known.
    pub fn expires(&self, service: Option<&Service>) -> Option<Timestamp> {
        let KeepReplaced::For(time) = service?.keep_replaced else {
            return None;
        };
        let time = SignedDuration::try_from(time).ok()?;
        let since = self
            .note
            .since()
            .or_else(|| Some(self.note.at?.max(mark::now())))?;
        since.checked_add(time).ok()
    }

    /// Notes that it was seen, from when on its time is counted at the earliest, unless that is noted.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn see(&self) -> Result<()> {
        if self.note.at.is_none() || self.note.seen.is_some() {
            return Ok(());
        }
        let note = Note {
            seen: Some(mark::now()),
            ..self.note.clone()
        };
        match &self.place {
            Place::Dataset(_) => zfs::replaced::write_note(&self.name, &note),
            Place::Directory(path) => directory::replaced::write_note(path, &note),
        }
    }

    /// What keeps it from being released, with what to do about it; `None` if nothing does.
    pub fn obstacle(&self, is_declared: bool) -> Option<Error> {
        let because = |what: String, cure: String| Some(Error::new(&self.name, what, cure));
        if is_declared && !self.has_successor {
            return because(
                format!("it may be the only copy: {} is not there", self.of),
                "start its service, so that its data is restored, then release it".to_owned(),
            );
        }
        let Place::Dataset(in_the_way) = &self.place else {
            return None;
        };
        if let Some(child) = &in_the_way.child {
            return because(
                format!("it has a child dataset ({child})"),
                format!(
                    "rename it out with `zfs rename {child} …`, or destroy it, then release again"
                ),
            );
        }
        if let Some(snapshot) = &in_the_way.held {
            return because(
                format!("somebody holds its snapshot {snapshot}"),
                format!(
                    "see who with `zfs holds {snapshot}`, let go with `zfs release`, then release again"
                ),
            );
        }
        if let Some((snapshot, clones)) = &in_the_way.cloned {
            return because(
                format!("{clones} was cloned from its snapshot {snapshot}"),
                format!("`zfs promote` the clone, or destroy it, then release again ({clones})"),
            );
        }
        if in_the_way.mounted {
            return because(
                "it is mounted: somebody looks into it".to_owned(),
                format!("`zfs unmount {}`, then release again", self.name),
            );
        }
        None
    }

    /// Removes it for good.
    ///
    /// # Errors
    /// When it cannot be removed. What [`Replaced::obstacle`] tells is not looked at again: `zfs` itself refuses
    /// what would take something else along.
    pub fn release(&self) -> Result<()> {
        match &self.place {
            Place::Dataset(_) => zfs::replaced::destroy(&self.name, !self.snapshots.is_empty()),
            Place::Directory(path) => directory::replaced::remove(path),
        }
    }
}
