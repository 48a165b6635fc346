//! Walks and removes trees that somebody else made: of any depth, with any names, and perhaps changed meanwhile.
//!
//! No path is ever made longer than a name: a directory is opened from its parent's descriptor, and no link is followed.
//! Only so many descriptors are open at once. What lies above them is opened again from below, and must be what it was:
//! whoever moves a directory meanwhile makes the walk end with an error, and leads it nowhere else.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, fstat, openat2,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

/// How many directories of a path are open at once.
const OPEN: usize = 32;

/// How often a directory may be written into while it is removed.
const MOST_REFILLED: u32 = 1000;

/// What is found on a walk.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// Its name.
    pub(crate) name: &'a CStr,
    /// How many directories lie between it and the root: 0 for an entry of the root itself.
    pub(crate) depth: usize,
    /// What stat(2) tells of it; of a link, of the link itself.
    pub(crate) stat: Stat,
    /// The directory that it lies in.
    pub(crate) directory: BorrowedFd<'a>,
    /// The names of the directories between it and the root.
    above: &'a [CString],
}

impl Entry<'_> {
    /// Its path from the root: it may be longer than the kernel takes.
    pub(crate) fn path(&self) -> PathBuf {
        let names = self.above.iter().map(CString::as_c_str).chain([self.name]);
        names
            .map(|name| OsStr::from_bytes(name.to_bytes()))
            .collect()
    }

    /// Whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        FileType::from_raw_mode(self.stat.st_mode) == FileType::Directory
    }
}

/// What a walk does after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Looks into it, if it is a directory.
    Enter,
    /// Leaves it aside.
    Skip,
}

/// A directory on the way down.
struct Level {
    /// Which directory it is: device and inode.
    identity: (u64, u64),
    /// Open unless there are too many below it.
    fd: Option<OwnedFd>,
    /// The names of the directories in it that are still to be looked into.
    left: Vec<CString>,
}

/// Shows `visit` each entry of the tree at `root` (absolute, a directory), until it breaks with something.
///
/// # Errors
/// When something cannot be looked at, or was moved meanwhile.
pub(crate) fn walk<B>(
    root: &Path,
    mut visit: impl FnMut(&Entry<'_>) -> ControlFlow<B, Next>,
) -> io::Result<Option<B>> {
    let mut levels = Vec::new();
    let fd = open(CWD, root)?;
    let mut above = Vec::new();
    match enter(fd, &above, &mut visit)? {
        ControlFlow::Break(found) => return Ok(Some(found)),
        ControlFlow::Continue(level) => levels.push(level),
    }
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.left.pop() else {
            let done = levels.pop();
            above.pop();
            if let (Some(done), Some(above)) = (done, levels.last_mut())
                && above.fd.is_none()
            {
                above.fd = Some(reopened(&done, above.identity)?);
            }
            continue;
        };
        let below = match &level.fd {
            Some(fd) => open(fd.as_fd(), name.as_c_str()),
            None => Err(moved()),
        };
        let below = match below {
            // Gone since, no directory any more, or something is mounted on it.
            Err(error) if is_gone(&error) => continue,
            below => below?,
        };
        above.push(name);
        match enter(below, &above, &mut visit)? {
            ControlFlow::Break(found) => return Ok(Some(found)),
            ControlFlow::Continue(level) => levels.push(level),
        }
        if let Some(far) = levels.len().checked_sub(OPEN + 1)
            && far > 0
        {
            levels[far].fd = None;
        }
    }
    Ok(None)
}

fn enter<B>(
    fd: OwnedFd,
    above: &[CString],
    visit: &mut impl FnMut(&Entry<'_>) -> ControlFlow<B, Next>,
) -> io::Result<ControlFlow<B, Level>> {
    let mut left = Vec::new();
    for entry in entries(fd.as_fd())? {
        let name = entry?;
        let stat = match statat(&fd, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        let entry = Entry {
            name: &name,
            depth: above.len(),
            stat,
            directory: fd.as_fd(),
            above,
        };
        match visit(&entry) {
            ControlFlow::Break(found) => return Ok(ControlFlow::Break(found)),
            ControlFlow::Continue(Next::Enter) if entry.is_directory() => left.push(name),
            ControlFlow::Continue(_) => {}
        }
    }
    let identity = identity(&fd)?;
    let fd = Some(fd);
    Ok(ControlFlow::Continue(Level { identity, fd, left }))
}

/// The directory above one that is done with, which must be the one it was.
fn reopened(done: &Level, expected: (u64, u64)) -> io::Result<OwnedFd> {
    let fd = done.fd.as_ref().ok_or_else(moved)?;
    // Not by `open`: this one does lead out of the directory.
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let above = rustix::fs::openat(fd, "..", flags, Mode::empty())?;
    if identity(&above)? == expected {
        Ok(above)
    } else {
        Err(moved())
    }
}

fn moved() -> io::Error {
    io::Error::other("a directory in it was moved meanwhile")
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices
    ) || Errno::from_io_error(error) == Some(Errno::LOOP)
}

fn identity(fd: &OwnedFd) -> io::Result<(u64, u64)> {
    let stat = fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Opens a directory, which is no link, and on which nothing is mounted unless it is given by a whole path.
fn open(at: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let resolve = if std::os::fd::AsRawFd::as_raw_fd(&at) == std::os::fd::AsRawFd::as_raw_fd(&CWD) {
        // It may lead through a descriptor of ours, in /proc.
        ResolveFlags::empty()
    } else {
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV
    };
    Ok(openat2(at, name, flags, Mode::empty(), resolve)?)
}

/// Whether nothing lies in a directory.
pub(crate) fn is_empty(directory: &OwnedFd) -> io::Result<bool> {
    Ok(entries(directory.as_fd())?.next().is_none())
}

/// The names in a directory, without `.` and `..`.
fn entries(fd: BorrowedFd<'_>) -> io::Result<impl Iterator<Item = io::Result<CString>>> {
    let entries = Dir::read_from(fd)?;
    Ok(entries
        .map(|entry| Ok(entry?.file_name().to_owned()))
        .filter(|name| !matches!(name, Ok(name) if matches!(name.to_bytes(), b"." | b".."))))
}

/// Removes the tree at `root` (absolute, a directory) with all that is in it. Nothing may be mounted in it.
///
/// What lies too deep is first moved up to the root, so that no more directories than a few are open at once.
///
/// # Errors
/// When something cannot be removed.
pub fn remove(root: &Path) -> io::Result<()> {
    remove_opened(&open(CWD, root)?, root)
}

/// The same for a directory that was opened, and that `root` leads to. Only if that leads to another meanwhile is it left,
/// empty.
///
/// # Errors
/// As [`remove`].
pub(crate) fn remove_opened(top: &OwnedFd, root: &Path) -> io::Result<()> {
    let mut moved_up = 0_u64;
    // What comes into a directory while it is emptied is removed by another round; not for ever.
    for _ in 0..16 {
        empty(top, &mut moved_up)?;
        match std::fs::remove_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            removed => return removed,
        }
    }
    std::fs::remove_dir(root)
}

/// Removes what lies in a directory.
fn empty(top: &OwnedFd, moved_up: &mut u64) -> io::Result<()> {
    // The path down from the top: each directory with its name, and whether it was emptied.
    let mut path: Vec<(OwnedFd, CString)> = Vec::new();
    let mut refilled = 0;
    loop {
        let here = path.last().map_or(top, |(fd, _)| fd);
        if let Some(below) = empty_of_files(here)? {
            if path.len() < OPEN {
                let fd = open(here.as_fd(), below.as_c_str())?;
                path.push((fd, below));
            } else {
                *moved_up += 1;
                move_up(here, &below, top, *moved_up)?;
            }
            continue;
        }
        let Some((_, name)) = path.pop() else {
            return Ok(());
        };
        let above = path.last().map_or(top, |(fd, _)| fd);
        match unlinkat(above, &name, AtFlags::REMOVEDIR) {
            Err(Errno::NOENT) | Ok(()) => {}
            // Somebody wrote into it: it is found again; not for ever.
            Err(Errno::NOTEMPTY) if refilled < MOST_REFILLED => refilled += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Removes the files in a directory until it finds a directory in it, whose name it gives; `None`: it is empty.
fn empty_of_files(fd: &OwnedFd) -> io::Result<Option<CString>> {
    for name in entries(fd.as_fd())? {
        let name = name?;
        match unlinkat(fd, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            // Of a directory, unlink(2) says EISDIR; POSIX allows EPERM.
            Err(Errno::ISDIR | Errno::PERM) if is_directory(fd, &name)? => return Ok(Some(name)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn is_directory(fd: &OwnedFd, name: &CStr) -> io::Result<bool> {
    let stat = statat(fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Moves a directory to a new name in `top`.
fn move_up(from: &OwnedFd, name: &CStr, top: &OwnedFd, mut number: u64) -> io::Result<()> {
    loop {
        let to = format!(".preseed-removing-{number}");
        match renameat_with(from, name, top, to.as_str(), RenameFlags::NOREPLACE) {
            // Something of that name is there: it is removed as well in its turn.
            Err(Errno::EXIST) => number = number.wrapping_add(1 << 20),
            moved => return Ok(moved?),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    /// Makes a chain of directories in `root`, of which the whole path is far longer than PATH_MAX.
    fn deep(root: &Path, levels: usize) {
        let mut here = open(CWD, root).unwrap();
        let name = "d".repeat(200);
        for _ in 0..levels {
            rustix::fs::mkdirat(&here, name.as_str(), Mode::RWXU).unwrap();
            here = open(here.as_fd(), name.as_str()).unwrap();
        }
        rustix::fs::openat(&here, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
    }

    #[test]
    fn a_tree_deeper_than_any_path_is_walked_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir_all(root.join("wide/a")).unwrap();
        std::fs::create_dir_all(root.join("wide/b")).unwrap();
        deep(&root, 1500);
        deep(&root.join("wide/b"), 100);
        symlink("/", root.join("link")).unwrap();
        let outside = directory.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "").unwrap();
        symlink(&outside, root.join("wide/a/link")).unwrap();

        let mut deepest = 0;
        let mut files = 0;
        let walked = walk(&root, |entry| {
            deepest = deepest.max(entry.depth);
            files += usize::from(!entry.is_directory());
            ControlFlow::<(), _>::Continue(Next::Enter)
        });
        assert_eq!(walked.unwrap(), None);
        assert_eq!((deepest, files), (1500, 4));

        let found = walk(&root, |entry| {
            if entry.name.to_bytes() == b"file" {
                return ControlFlow::Break(entry.depth);
            }
            ControlFlow::Continue(if entry.depth == 0 && entry.name.to_bytes() != b"wide" {
                Next::Skip
            } else {
                Next::Enter
            })
        });
        assert_eq!(found.unwrap(), Some(102));

        remove(&root).unwrap();
        assert!(!root.exists());
        assert!(outside.join("kept").exists());
    }

    #[test]
    fn what_is_called_like_ours_is_removed_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir_all(root.join(".preseed-removing-1/x")).unwrap();
        deep(&root, 80);
        remove(&root).unwrap();
        assert!(!root.exists());
    }
}
