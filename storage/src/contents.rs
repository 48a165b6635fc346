//! What lies in a directory, as far as it tells whether a service's data is there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use declaration::settings::{Service, Storage};

use crate::tree::{self, Next};
use crate::{Error, Result, beneath, mountpoint, nested, shown};

/// What lies directly in a directory, and which of the expected paths are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The names of the entries that count, sorted; control characters are escaped.
    pub entries: Vec<String>,
    /// The names of the entries that do not count because something else is mounted on them, sorted and escaped.
    pub mounted: Vec<String>,
    /// Whether there are entries that do not count by declaration (`ignore`).
    pub ignored: bool,
    /// The declared `expect`ed paths that are there.
    pub found: Vec<PathBuf>,
    /// The declared `expect`ed paths that are not there.
    pub missing: Vec<PathBuf>,
    /// Of one that holds something, but nothing of what is expected: whether it holds directories and what a package
    /// makes (`skeleton`), and not one other file.
    pub hollow: bool,
    /// Something that lies where a place of the service is to be mounted, which would hide it.
    pub covered: Option<PathBuf>,
}

impl Contents {
    /// Looks into `directory` (absolute): only its own entries and the expected paths are looked at.
    ///
    /// # Errors
    /// When it cannot be read. A path that cannot be looked at is not "not there".
    pub fn of(directory: &Path, service: &Service) -> Result<Self> {
        let mut contents = Self::look(directory, service, |path| {
            directory.join(path).symlink_metadata().map(drop)
        })?;
        // A child dataset is there although all of the service's data is gone. Where part of what is expected
        // is there, or nothing is declared, it may be on that mount, and everything counts.
        if !service.expect.is_empty() && contents.found.is_empty() && !contents.is_empty() {
            let bare = mountpoint::bare_mountpoints_in(directory)?;
            // Places of the service are none of its entries, and step aside while it is restored.
            let others = bare.iter().filter(|name| {
                let is_place = |place: &PathBuf| place.as_os_str() == name.as_os_str();
                !service.nested.iter().any(is_place)
            });
            contents.mounted = Self::names(others.map(OsString::as_os_str));
            let mounted = &contents.mounted;
            contents
                .entries
                .retain(|name| mounted.binary_search(name).is_err());
        }
        if contents.could_be_hollow(service) {
            contents.hollow = is_hollow(directory, service, &contents.mounted)?;
        }
        Ok(contents)
    }

    /// The same for a copy of the service's directory: no link on the way may lead out of it,
    /// where the live data would be taken for the copy's.
    ///
    /// # Errors
    /// When it cannot be read, or when a link leads out of it.
    pub fn of_copy(directory: &Path, service: &Service) -> Result<Self> {
        let root = File::open(directory);
        let there = |path: &Path| {
            let root = root
                .as_ref()
                .map_err(|error| io::Error::from(error.kind()))?;
            beneath::find(root, &service.mountpoint, path).map(drop)
        };
        let mut contents = Self::look(directory, service, there)?;
        if contents.could_be_hollow(service) {
            contents.hollow = is_hollow(directory, service, &[])?;
        }
        let mut present = Vec::new();
        for path in &service.paths {
            if is_there(directory, path, there)? {
                present.push(path.clone());
            }
        }
        Ok(contents.limited(&service.paths, |path| present.iter().any(|p| p == path)))
    }

    /// What is left of a copy's contents if only the declared `paths` of it count. A copy that holds something,
    /// but none of them, lacks them.
    #[must_use]
    pub fn limited(mut self, paths: &[PathBuf], is_there: impl Fn(&Path) -> bool) -> Self {
        let (present, absent): (Vec<&PathBuf>, Vec<_>) =
            paths.iter().partition(|path| is_there(path));
        if present.is_empty() {
            for path in absent {
                if !self.missing.contains(path) {
                    self.missing.push(path.clone());
                }
            }
        } else {
            let tops = present.iter().filter_map(|path| path.iter().next());
            self.entries = Self::names(tops);
            self.entries.dedup();
        }
        self
    }

    fn look(
        directory: &Path,
        service: &Service,
        there: impl Fn(&Path) -> io::Result<()>,
    ) -> Result<Self> {
        let mut contents = Self::default();
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(|e| unreadable(directory, &e))? {
            let name = entry.map_err(|e| unreadable(directory, &e))?.file_name();
            if is_of_the_file_system(&name, service)
                || (name == LOST_AND_FOUND && is_an_empty_lost_and_found(directory)?)
            {
                continue;
            }
            if service
                .ignore
                .iter()
                .any(|ignored| name == ignored.as_str())
            {
                contents.ignored = true;
                continue;
            }
            entries.push(name);
        }
        let ways = nested::ways(directory, service).map_err(|e| unreadable(directory, &e))?;
        entries.retain(|name| !ways.bare.contains(name));
        contents.covered = ways.covered;
        contents.entries = Self::names(entries.iter().map(OsString::as_os_str));
        for path in &service.expect {
            if is_there(directory, path, &there)? {
                contents.found.push(path.clone());
            } else {
                contents.missing.push(path.clone());
            }
        }
        Ok(contents)
    }

    /// Entries' names as [`Contents::entries`] holds them.
    pub fn names<'a>(names: impl IntoIterator<Item = &'a OsStr>) -> Vec<String> {
        let mut names: Vec<String> = names
            .into_iter()
            .map(|name| name.to_string_lossy().escape_debug().to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// Whether nothing lies there that counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether something lies there, but nothing of what is expected.
    #[must_use]
    pub fn holds_only_others(&self) -> bool {
        !self.is_empty() && self.found.is_empty() && !self.missing.is_empty()
    }

    /// Whether it may be worth to see if it is [hollow](Self::hollow).
    #[must_use]
    pub fn could_be_hollow(&self, service: &Service) -> bool {
        let is_only_skeleton = service.expect.is_empty() && !service.skeleton.is_empty();
        self.holds_only_others() || (!self.is_empty() && is_only_skeleton)
    }

    /// Whether an entry of this name directly in the directory counts.
    #[must_use]
    pub fn counts(name: &OsStr, service: &Service) -> bool {
        !is_of_the_file_system(name, service)
            && !service.ignore.iter().any(|own| name == own.as_str())
    }

    /// Whether a path below the directory is what a package makes there.
    #[must_use]
    pub fn is_skeleton(path: &Path, service: &Service) -> bool {
        service.skeleton.iter().any(|made| path.starts_with(made))
    }

    /// Whether this is the service's data: all that is expected or, where nothing is, anything.
    #[must_use]
    pub fn holds_the_data(&self) -> bool {
        !self.is_empty() && self.missing.is_empty()
    }

    /// Why this is not the service's data, in words; `None` if it is.
    #[must_use]
    pub fn lacks(&self) -> Option<String> {
        if self.is_empty() {
            Some("it is empty".to_owned())
        } else if self.missing.is_empty() {
            None
        } else {
            Some(format!("it lacks {}", listed(&self.missing)))
        }
    }
}

/// Whether an entry of this name directly in a service's directory is its file system's own. ZFS makes no `lost+found`:
/// one that is there is somebody's.
fn is_of_the_file_system(name: &OsStr, service: &Service) -> bool {
    matches!(service.storage, Storage::Zfs(_)) && name == ".zfs"
}

/// What ext2 to ext4 put into their root directory, and e2fsck puts lost files in.
const LOST_AND_FOUND: &str = "lost+found";

/// Whether the `lost+found` in a directory was made by its file system, and holds nothing.
fn is_an_empty_lost_and_found(directory: &Path) -> Result<bool> {
    /// EXT2_ROOT_INO.
    const ROOT: u64 = 2;
    let unreadable = |error: io::Error| unreadable(&directory.join(LOST_AND_FOUND), &error);
    let kind = nix::sys::statfs::statfs(directory).map_err(|error| unreadable(error.into()))?;
    let is_root = directory.metadata().map_err(unreadable)?.ino() == ROOT;
    if kind.filesystem_type() != nix::sys::statfs::EXT4_SUPER_MAGIC || !is_root {
        return Ok(false);
    }
    let found = directory.join(LOST_AND_FOUND);
    if !found.symlink_metadata().map_err(unreadable)?.is_dir() {
        return Ok(false);
    }
    Ok(std::fs::read_dir(&found)
        .map_err(unreadable)?
        .next()
        .is_none())
}

/// Whether what counts of a directory is directories and what a package makes, and not one other file at any depth.
/// The entries `but` are left out (escaped names). One of very many entries is not called hollow.
fn is_hollow(directory: &Path, service: &Service, but: &[String]) -> Result<bool> {
    const MANY: usize = 100_000;
    let has_lost_and_found = is_an_empty_lost_and_found(directory)?;
    let mut looked = 0;
    let file = tree::walk(directory, |entry| {
        looked += 1;
        if looked > MANY {
            return ControlFlow::Break(());
        }
        let name = OsStr::from_bytes(entry.name.to_bytes());
        let is_left_out = || {
            but.binary_search(&Contents::names([name]).concat()).is_ok()
                || name == LOST_AND_FOUND && has_lost_and_found
        };
        let is_place = || !service.nested.is_empty() && service.nested.contains(&entry.path());
        let is_skeleton =
            || !service.skeleton.is_empty() && Contents::is_skeleton(&entry.path(), service);
        if entry.depth == 0 && (!Contents::counts(name, service) || is_left_out())
            || is_skeleton()
            || is_place()
        {
            ControlFlow::Continue(Next::Skip)
        } else if entry.is_directory() {
            ControlFlow::Continue(Next::Enter)
        } else {
            ControlFlow::Break(())
        }
    });
    let file = file.map_err(|error| unreadable(directory, &error))?;
    Ok(file.is_none())
}

/// Whether `path` is there, as `there` tells. One that cannot be looked at is not "not there".
fn is_there(
    directory: &Path,
    path: &Path,
    there: impl Fn(&Path) -> io::Result<()>,
) -> Result<bool> {
    match there(path) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(e) => {
            let error = unreadable(&directory.join(path), &e);
            // A link that leads out of it, or in a circle.
            let is_the_link = matches!(e.raw_os_error(), Some(nix::libc::EXDEV | nix::libc::ELOOP));
            Err(if is_the_link {
                error.blaming_the_snapshot()
            } else {
                error
            })
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(
        shown(path),
        format!("cannot be looked at: {error}"),
        "see why with `ls -la`, and that its file system is sound",
    )
    .caused_by(error)
}

/// Names as they are listed in a message: the first few.
#[must_use]
pub fn named(entries: &[String]) -> String {
    const FEW: usize = 5;
    let few = entries
        .iter()
        .take(FEW)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match entries.len() {
        0 => "none".to_owned(),
        all if all > FEW => format!("{few}, … ({all} in all)"),
        _ => few,
    }
}

/// Paths as they are listed in a message.
#[must_use]
pub fn listed(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| shown(path))
        .collect::<Vec<_>>()
        .join(", ")
}
