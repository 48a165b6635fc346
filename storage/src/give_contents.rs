//! Gives all that lies in a directory to the service's user, as `chown = "contents"` declares: after a restore of what a
//! machine backed up on which the user had another number.
//!
//! Only what was just restored is given, never data that was there. Each entry is opened in the directory that it was
//! found in and is given by that descriptor: no link is followed, and nothing that is mounted there is come to. A file
//! with several names is given once or several times, which is the same: all of its names lie in the same dataset, and a
//! directory that is staged is seen by root alone.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use declaration::settings::{Chown, Service};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, openat2};
use rustix::io::Errno;

use crate::tree::{self, Entry, Next};
use crate::{Error, Result, interrupt, mountpoint, shown, step, way};

/// Whom the contents of a service's directory are given to after a restore: numbers of user and group. `None`: nobody.
///
/// # Errors
/// When the user or group does not exist, or cannot be asked for.
pub fn recipient(service: &Service) -> Result<Option<(u32, u32)>> {
    let asks = |user: &declaration::settings::User| user.chown == Chown::Contents;
    if !service.user.as_ref().is_some_and(asks) {
        return Ok(None);
    }
    mountpoint::owner(service).map(Some)
}

/// Gives all that lies in `directory` (absolute, which nobody else can have put there) to these numbers of user and
/// group. Gives how many entries were another's.
///
/// # Errors
/// When something cannot be given.
pub fn give_contents(directory: &Path, (uid, gid): (u32, u32)) -> Result<u64> {
    let refused = |path: &Path, error: &io::Error| {
        Error::new(
            shown(&directory.join(path)),
            format!("its owner cannot be changed: {error}"),
            "see that its file system is writable, then start the service again",
        )
    };
    let mut given = 0;
    let walked = tree::walk(directory, |entry| {
        interrupt::halt();
        // Not of the data: ZFS's own.
        if entry.depth == 0 && entry.name.to_bytes() == b".zfs" {
            return ControlFlow::Continue(Next::Skip);
        }
        if (entry.stat.st_uid, entry.stat.st_gid) != (uid, gid) {
            if given == 0 {
                step::at(|| format!("chown contents of {}", shown(directory)));
            }
            match give(entry, uid, gid) {
                Ok(true) => given += 1,
                Ok(false) => {}
                Err(error) => return ControlFlow::Break((entry.path(), io::Error::from(error))),
            }
        }
        ControlFlow::Continue(Next::Enter)
    });
    match walked {
        Ok(None) => Ok(given),
        Ok(Some((path, error))) => Err(refused(&path, &error)),
        Err(error) => Err(refused(Path::new(""), &error)),
    }
}

/// Gives one entry. Gives whether it was still there.
fn give(entry: &Entry<'_>, uid: u32, gid: u32) -> rustix::io::Result<bool> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let opened = match openat2(entry.directory, entry.name, flags, Mode::empty(), resolve) {
        // Gone since, or something is mounted on it.
        Err(Errno::NOENT | Errno::XDEV) => return Ok(false),
        opened => opened?,
    };
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    chownat(&opened, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    Ok(true)
}

/// The same for the service's own directory, where a rollback has just brought it back.
///
/// # Errors
/// As [`give_contents`], or when the way to it is not safe.
pub fn give_contents_in_place(service: &Service) -> Result<u64> {
    let Some(who) = recipient(service)? else {
        return Ok(0);
    };
    let way = way::down(&service.mountpoint, Some(who), false)?;
    match way.last() {
        Some(held) => give_contents(&held.entry(".").at, who),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};

    use super::*;

    #[test]
    fn all_that_lies_in_it_is_given_and_nothing_else() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let (outside, root) = (place.path().join("outside"), place.path().join("root"));
        fs::create_dir_all(outside.join("deep")).unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for file in ["a/file", "a/b/-set-id", "kept"] {
            fs::write(root.join(file), "x").unwrap();
        }
        lchown(root.join("kept"), Some(568), Some(568)).unwrap();
        let set_id = root.join("a/b/-set-id");
        fs::set_permissions(&set_id, fs::Permissions::from_mode(0o4755)).unwrap();
        fs::hard_link(root.join("a/file"), root.join("a/b/other")).unwrap();
        symlink(&outside, root.join("link")).unwrap();
        symlink(outside.join("deep"), root.join("a/link")).unwrap();
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();

        assert_eq!(give_contents(&root, (568, 568)).unwrap(), 7);
        for name in [
            "a",
            "a/b",
            "a/file",
            "a/b/other",
            "a/b/-set-id",
            "kept",
            "link",
            "a/link",
            "pipe",
        ] {
            let found = root.join(name).symlink_metadata().unwrap();
            assert_eq!((found.uid(), found.gid()), (568, 568), "{name}");
        }
        // What was root's to run as root is not another user's to run as another.
        assert_eq!(set_id.metadata().unwrap().mode() & 0o7777, 0o755);
        for path in [&root, &outside, &outside.join("deep")] {
            assert_eq!(path.metadata().unwrap().uid(), 0, "{}", path.display());
        }
        assert_eq!(give_contents(&root, (568, 568)).unwrap(), 0);
    }
}
