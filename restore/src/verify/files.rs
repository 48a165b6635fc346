//! Brings the files of one database out of a copy of the data, for a check that is to see nothing else of it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::fstatvfs;
use process::Identity;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat2, renameat, unlinkat};
use rustix::io::Errno;

use super::journal;

/// The name that the database is brought under.
pub(super) const NAME: &str = "database";

/// What may be beside a database and is a part of it.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// How much is copied at once, in bytes.
const PORTION: u64 = 64 << 20;

/// Why files could not be brought.
#[derive(Debug)]
pub(super) enum NotBrought {
    /// The copy does not hold what it should.
    Unsound(String),
    /// It could not be done: that says nothing of the data.
    Unchecked(String),
}

/// Brings the database at `path` (relative) in the directory `root` with its log and journal into the empty directory
/// `into` (both absolute), where they belong to `who`: moved where that is possible, else copied until `deadline`.
/// `root` is thrown away. `mountpoint` is where the service sees it: there a super-journal may be named.
///
/// # Errors
/// See [`NotBrought`].
pub(super) fn bring(
    root: &Path,
    path: &Path,
    into: &Path,
    who: Identity,
    mountpoint: &Path,
    deadline: Instant,
) -> Result<(), NotBrought> {
    let unchecked = |error: io::Error| NotBrought::Unchecked(error.to_string());
    let root = directory(root).map_err(unchecked)?;
    let into = directory(into).map_err(unchecked)?;
    let bring = |from: &Path, name: &str| -> io::Result<()> {
        let brought = bring_one(&root, from, &into, name, deadline)?;
        fchown(&brought, Some(who.uid), Some(who.gid))?;
        brought.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
    };
    bring(path, NAME).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidData => {
            NotBrought::Unsound(error.to_string())
        }
        _ if is_link(&error) => NotBrought::Unsound("a link leads to it".to_owned()),
        _ => NotBrought::Unchecked(error.to_string()),
    })?;
    for suffix in BESIDE {
        let beside = with_suffix(path, suffix);
        match bring(&beside, &format!("{NAME}{suffix}")) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::InvalidData || is_link(&error) => {
                return Err(NotBrought::Unsound(format!(
                    "{} is not a regular file",
                    beside.display()
                )));
            }
            Err(error) => return Err(NotBrought::Unchecked(error.to_string())),
        }
    }
    settle_journal(&root, &into, mountpoint).map_err(unchecked)?;
    fchown(&into, Some(who.uid), Some(who.gid)).map_err(unchecked)
}

/// Makes of a journal that names a super-journal what it is to SQLite where the service runs: one to be played back if
/// that file is there, else nothing.
fn settle_journal(root: &File, into: &File, mountpoint: &Path) -> io::Result<()> {
    let name = format!("{NAME}-journal");
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let journal = match openat2(into, name.as_str(), flags, Mode::empty(), BENEATH) {
        Ok(journal) => File::from(journal),
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Some(found) = journal::super_of(&journal)? else {
        return Ok(());
    };
    let is_there = match found.path.strip_prefix(mountpoint) {
        Ok(below) => look(root, below).is_ok_and(|file| is_regular(&file)),
        Err(_) => may_be_there(&found.path),
    };
    if is_there {
        journal.set_len(found.at)
    } else {
        Ok(unlinkat(into, name.as_str(), AtFlags::empty())?)
    }
}

/// Whether a super-journal at this absolute path, which the data names, may be there. SQLite is never given its name. No look
/// at it leaves the root file system, where it could mount something or wait for a server: what is elsewhere, or behind a
/// link, may be there. A journal that is played back in vain makes no sound database unsound.
fn may_be_there(path: &Path) -> bool {
    let here = BENEATH.union(ResolveFlags::NO_XDEV);
    let found = directory(Path::new("/")).and_then(|root| {
        let below = path.strip_prefix("/").unwrap_or(path);
        look_within(&root, below, here)
    });
    match found {
        Ok(file) => is_regular(&file),
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

fn directory(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW)
        .open(path)
}

/// Opens something only to look at it: a pipe or a device is not touched.
fn look(root: &File, path: &Path) -> io::Result<File> {
    look_within(root, path, BENEATH)
}

fn look_within(root: &File, path: &Path, within: ResolveFlags) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat2(
        root,
        path,
        flags,
        Mode::empty(),
        within,
    )?))
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::libc::ELOOP)
}

/// Gives the file that was brought, opened for writing.
fn bring_one(
    root: &File,
    from: &Path,
    into: &File,
    name: &str,
    deadline: Instant,
) -> io::Result<File> {
    let looked = look(root, from)?;
    if !is_regular(&looked) {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "it is not a regular file",
        ));
    }
    let above = match from.parent() {
        Some(above) if !above.as_os_str().is_empty() => look(root, above)?,
        _ => root.try_clone()?,
    };
    let leaf = from.file_name().unwrap_or_default();
    let mut flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut mode = Mode::empty();
    match renameat(&above, leaf, into.as_fd(), name) {
        Ok(()) => {}
        Err(Errno::XDEV) => {
            flags |= OFlags::CREATE | OFlags::EXCL;
            mode = Mode::RUSR | Mode::WUSR;
        }
        Err(error) => return Err(error.into()),
    }
    let brought = File::from(openat2(into, name, flags, mode, BENEATH)?);
    if !flags.contains(OFlags::EXCL) {
        return Ok(brought);
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let source = File::from(openat2(root, from, flags, Mode::empty(), BENEATH)?);
    if !is_regular(&source) {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "it is not a regular file",
        ));
    }
    copy(source, &brought, deadline)?;
    Ok(brought)
}

/// Copies what a file holds, if there is room for it.
fn copy(source: File, mut to: &File, deadline: Instant) -> io::Result<()> {
    let needed = source.metadata()?.blocks().saturating_mul(512);
    let room = fstatvfs(to)?;
    #[allow(clippy::unnecessary_cast, reason = "their width differs by platform")]
    let room = (room.blocks_available() as u64).saturating_mul(room.fragment_size() as u64);
    if needed > room {
        return Err(io::Error::new(
            ErrorKind::StorageFull,
            format!("there is no room to copy the database: {needed} bytes, and {room} are free"),
        ));
    }
    let mut source = source;
    loop {
        if io::copy(&mut (&mut source).take(PORTION), &mut to)? == 0 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(
                ErrorKind::TimedOut,
                "copying the database took too long",
            ));
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// From now on, or as good as never.
pub(super) fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration)
        .unwrap_or(now + super::turn::LONGEST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    fn bring_from(root: &Path, path: &str) -> Result<tempfile::TempDir, NotBrought> {
        let into = tempfile::tempdir_in("/dev/shm").unwrap();
        let who = Identity {
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
        };
        let deadline = after(Duration::from_mins(1));
        bring(
            root,
            Path::new(path),
            into.path(),
            who,
            Path::new("/srv/app"),
            deadline,
        )?;
        Ok(into)
    }

    #[test]
    fn a_database_comes_with_its_log_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a.db", "a.db-wal", "a.db-shm", "other"] {
            std::fs::write(root.path().join(name), name).unwrap();
        }
        let into = bring_from(root.path(), "a.db").unwrap();
        let mut names: Vec<_> = std::fs::read_dir(into.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["database", "database-wal"]);
        assert_eq!(
            std::fs::read(into.path().join("database-wal")).unwrap(),
            b"a.db-wal"
        );
    }

    #[test]
    fn what_is_no_file_of_the_copy_is_no_database() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.db"), "").unwrap();
        std::fs::create_dir(root.path().join("directory")).unwrap();
        symlink("a.db", root.path().join("link")).unwrap();
        symlink("/", root.path().join("out")).unwrap();
        nix::unistd::mkfifo(
            &root.path().join("pipe"),
            nix::sys::stat::Mode::from_bits_truncate(0o600),
        )
        .unwrap();
        for path in [
            "link",
            "missing",
            "out/etc/passwd",
            "directory",
            "pipe",
            "a.db/x",
        ] {
            let failure = bring_from(root.path(), path).unwrap_err();
            assert!(
                matches!(failure, NotBrought::Unsound(_)),
                "{path}: {failure:?}"
            );
        }
        symlink("/etc/passwd", root.path().join("a.db-wal")).unwrap();
        let failure = bring_from(root.path(), "a.db").unwrap_err();
        assert!(matches!(failure, NotBrought::Unsound(_)), "{failure:?}");
    }

    #[test]
    fn a_super_journal_elsewhere_is_looked_at_on_the_root_alone() {
        for (path, expected) in [
            ("/etc/passwd", true),
            ("/etc", false),
            ("/no such directory/a.db-mj", false),
            ("/etc/passwd/a.db-mj", false),
            // On another file system: a server might have to be asked.
            ("/proc/no such file", true),
        ] {
            assert_eq!(may_be_there(Path::new(path)), expected, "{path}");
        }
    }
}
