//! The way down to a directory of a service's, of which other users may hold parts.
//!
//! A link on it is followed only where root alone can have put it: one that root owns, in a directory that only root
//! can write to, below directories of which the same is true. The directory that is come to is held by a descriptor:
//! what is done in it then is done in it, whatever its path leads to meanwhile.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, openat2, readlinkat};
use rustix::io::Errno;

use crate::{Error, Result, shown};

/// As many links as the kernel follows (path_resolution(7)).
const LINKS: usize = 40;

/// Who but root can put something else in the place of what lies in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Writer {
    /// Nobody.
    Root,
    /// The service's own user or group.
    Own,
    /// Somebody else: which directory, and who, in words.
    Other(String),
}

/// A directory on the way, held.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    file: Arc<File>,
    /// Its path, as it was come to.
    pub(crate) path: PathBuf,
    /// Who can write to it, or to what it is in.
    pub(crate) writer: Writer,
    /// The device of its file system.
    pub(crate) device: u64,
}

impl Held {
    /// The descriptor that holds it, opened with `O_PATH`.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// What is or may be called `name` in it.
    pub(crate) fn entry(&self, name: impl AsRef<OsStr>) -> Spot {
        let name = name.as_ref();
        Spot {
            at: PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd())).join(name),
            real: if name == "." {
                self.path.clone()
            } else {
                self.path.join(name)
            },
            name: name.to_owned(),
            directory: Arc::clone(&self.file),
        }
    }

    /// That only root or the service's own user can put something else in the place of what root makes in it.
    ///
    /// # Errors
    /// When somebody else can.
    pub(crate) fn must_be_safe(&self) -> Result<()> {
        match &self.writer {
            Writer::Root | Writer::Own => Ok(()),
            Writer::Other(who) => Err(Error::new(
                shown(&self.path),
                format!(
                    "root makes or renames nothing in it: {who} could put something else there"
                ),
                "let only root, or the service's own user, write to that directory, or declare a mountpoint elsewhere; \
                 then start the service again",
            ).of_kind(crate::ErrorKind::NotTrusted)),
        }
    }
}

/// A name in a directory that is held.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// A path for system calls that leads through the descriptor; good for as long as this is there.
    pub(crate) at: PathBuf,
    /// The path for people.
    pub(crate) real: PathBuf,
    name: OsString,
    directory: Arc<File>,
}

impl Spot {
    /// Another name in the same directory.
    pub(crate) fn beside(&self, name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref();
        Self {
            at: self.at.with_file_name(name),
            real: self.real.with_file_name(name),
            name: name.to_owned(),
            directory: Arc::clone(&self.directory),
        }
    }

    /// Holds the directory that is there, for what is in it.
    pub(crate) fn hold(&self) -> io::Result<Held> {
        let file = self.open()?;
        Ok(Held {
            device: file.metadata()?.dev(),
            file: Arc::new(file),
            path: self.real.clone(),
            writer: Writer::Root,
        })
    }

    /// Opens the directory that is there, to read. A link is not followed.
    pub(crate) fn open(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let name = self.name.as_os_str();
        let opened = openat2(&*self.directory, name, flags, Mode::empty(), NO_LINKS)?;
        Ok(File::from(opened))
    }
}

const NO_LINKS: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// Whom a service's own directories belong to: user and group.
pub(crate) type Own = (u32, u32);

/// Goes down to the directory `path` (absolute). Gives the directories on the way, from the root on; the last is that
/// of `path`. With `create`, those that are missing are made, for root.
///
/// # Errors
/// When one is missing, is none, or cannot be looked at, or when a link may be another user's.
pub(crate) fn down(path: &Path, own: Option<Own>, create: bool) -> Result<Vec<Held>> {
    let mut way = vec![root()?];
    let mut left = components(path);
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        let Some(here) = way.last().cloned() else {
            break;
        };
        if name == ".." {
            if way.len() > 1 {
                way.pop();
            }
            continue;
        }
        let spot = here.path.join(&name);
        let (found, metadata) = step_into(&here, &name, create)?;
        if metadata.is_symlink() {
            links += 1;
            must_be_roots(&spot, &here, &metadata)?;
            if links > LINKS {
                return Err(refused(&spot, &Errno::LOOP.into()));
            }
            let target =
                readlinkat(&found, "", Vec::new()).map_err(|e| refused(&spot, &e.into()))?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            if target.is_absolute() {
                way.truncate(1);
            }
            for name in components(&target).into_iter().rev() {
                left.push_front(name);
            }
            continue;
        }
        if !metadata.is_dir() {
            return Err(refused(&spot, &Errno::NOTDIR.into()));
        }
        let writer = writer_of(&spot, &metadata, own).max(here.writer);
        way.push(Held {
            file: Arc::new(found),
            path: spot,
            writer,
            device: metadata.dev(),
        });
    }
    Ok(way)
}

/// The root directory, held.
fn root() -> Result<Held> {
    let path = Path::new("/");
    let file = File::open(path).map_err(|error| refused(path, &error))?;
    let metadata = file.metadata().map_err(|error| refused(path, &error))?;
    Ok(Held {
        file: Arc::new(file),
        path: path.to_owned(),
        writer: Writer::Root,
        device: metadata.dev(),
    })
}

/// What is called `name` in a directory, which may be a link. With `create`, a directory is made if there is nothing.
fn step_into(here: &Held, name: &OsStr, create: bool) -> Result<(File, Metadata)> {
    let found = match look(&here.file, name) {
        Err(error) if error.kind() == ErrorKind::NotFound && create => {
            here.must_be_safe()?;
            match mkdirat(&*here.file, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => look(&here.file, name),
                Err(error) => Err(error.into()),
            }
        }
        found => found,
    };
    found.map_err(|error| refused(&here.path.join(name), &error))
}

/// That only root can have made a link, which lies in the directory `here`.
fn must_be_roots(link: &Path, here: &Held, metadata: &Metadata) -> Result<()> {
    if here.writer == Writer::Root && metadata.uid() == 0 {
        return Ok(());
    }
    Err(Error::new(
        shown(link),
        "it is a link that another user than root can have made",
        "declare the path that it leads to, or let only root write to the directory it is in",
    )
    .of_kind(crate::ErrorKind::NotTrusted))
}

/// Whether an error of [`down`] is that something is missing.
pub(crate) fn parent_is_missing(path: &Path) -> bool {
    path.parent()
        .is_some_and(|parent| matches!(parent.try_exists(), Ok(false)))
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn look(directory: &File, name: &OsStr) -> io::Result<(File, Metadata)> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let found = File::from(openat2(directory, name, flags, Mode::empty(), resolve)?);
    let metadata = found.metadata()?;
    Ok((found, metadata))
}

/// Who can put something else in the place of what lies in this directory.
fn writer_of(path: &Path, metadata: &Metadata, own: Option<Own>) -> Writer {
    let own_user = own.map(|(user, _)| user);
    let own_group = own.map(|(_, group)| group);
    let uid = metadata.uid();
    if uid != 0 && Some(uid) != own_user {
        return Writer::Other(format!("{} belongs to user {uid}, who", shown(path)));
    }
    if metadata.mode() & 0o002 != 0 {
        return Writer::Other(format!("{} may be written by everybody, who", shown(path)));
    }
    let gid = metadata.gid();
    let is_for_group = metadata.mode() & 0o020 != 0 && gid != 0;
    if is_for_group && Some(gid) != own_group {
        return Writer::Other(format!(
            "{} may be written by group {gid}, who",
            shown(path)
        ));
    }
    if uid != 0 || is_for_group {
        Writer::Own
    } else {
        Writer::Root
    }
}

fn refused(path: &Path, error: &io::Error) -> Error {
    Error::new(
        shown(path),
        format!("cannot be looked at: {error}"),
        "see why with `ls -la`, and that its file system is sound",
    )
    .caused_by(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;

    /// A directory in which only root can write; none for another user than root.
    fn safe() -> Option<tempfile::TempDir> {
        let made = tempfile::tempdir_in("/var/lib").ok()?;
        nix::unistd::geteuid().is_root().then_some(made)
    }

    fn last(path: &Path, own: Option<Own>) -> Result<Held> {
        down(path, own, false).map(|way| way.last().unwrap().clone())
    }

    #[test]
    fn only_links_of_roots_are_followed() {
        let Some(safe) = safe() else { return };
        let base = safe.path();
        create_dir(base.join("real")).unwrap();
        symlink("real", base.join("link")).unwrap();
        symlink(base.join("link"), base.join("absolute")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        let real = last(&base.join("real"), None).unwrap();
        assert_eq!(real.writer, Writer::Root);
        for link in ["link", "absolute", "real/../link"] {
            let found = last(&base.join(link), None).unwrap();
            assert_eq!(found.path, base.join("real"), "{link}");
        }
        last(&base.join("loop"), None).unwrap_err();
        last(&base.join("missing"), None).unwrap_err();

        // A link that a user made, and one of root's in a directory of a user's.
        symlink("real", base.join("users")).unwrap();
        lchown(base.join("users"), Some(1000), None).unwrap();
        last(&base.join("users"), Some((1000, 1000))).unwrap_err();
        create_dir(base.join("home")).unwrap();
        symlink("/etc", base.join("home/link")).unwrap();
        chown(base.join("home"), Some(1000), Some(1000)).unwrap();
        last(&base.join("home/link"), Some((1000, 1000))).unwrap_err();
    }

    #[test]
    fn who_can_write_on_the_way_counts_to_its_end() {
        let Some(safe) = safe() else { return };
        let base = safe.path();
        let below = base.join("home/below");
        std::fs::create_dir_all(&below).unwrap();
        chown(base.join("home"), Some(1000), Some(1000)).unwrap();
        assert_eq!(last(&below, Some((1000, 7))).unwrap().writer, Writer::Own);
        let other = last(&below, Some((1001, 1000))).unwrap();
        assert!(matches!(other.writer, Writer::Other(_)));
        other.must_be_safe().unwrap_err();
        down(&below.join("new"), Some((1001, 7)), true).unwrap_err();

        chown(base.join("home"), Some(0), Some(50)).unwrap();
        set_permissions(base.join("home"), Permissions::from_mode(0o2775)).unwrap();
        assert_eq!(last(&below, Some((1000, 50))).unwrap().writer, Writer::Own);
        assert_ne!(last(&below, Some((1000, 51))).unwrap().writer, Writer::Own);
        set_permissions(base.join("home"), Permissions::from_mode(0o1777)).unwrap();
        last(&below, Some((1000, 50)))
            .unwrap()
            .must_be_safe()
            .unwrap_err();

        set_permissions(base.join("home"), Permissions::from_mode(0o755)).unwrap();
        let made = down(&below.join("a/b"), None, true).unwrap();
        assert_eq!(made.last().unwrap().path, below.join("a/b"));
        assert!(below.join("a/b").is_dir());
    }
}
