//! Moves a restored tree to where it belongs: restic restores `/var/lib/x` below its target with the whole path.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{File, FileTimes};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2, renameat};
use rustix::io::Errno;
use storage::{Error, Result, step};
use xattr::FileExt;

/// The directory that restic restores to, in the staged one.
pub(super) const TARGET: &str = ".preseed-restic";

/// Moves what lies in `target` + `path` to `into`, with the directory's own times, attributes and ACLs,
/// and removes `target`, which lies in `into`. All three are absolute.
///
/// # Errors
/// When there is nothing, or when it cannot be moved.
pub(super) fn move_into_place(target: &Path, path: &Path, into: &Path) -> Result<()> {
    let below = path.strip_prefix("/").unwrap_or(path);
    let restored = target.join(below);
    step::at(|| format!("move into place {}", restored.display()));
    let moved = out_of_the_way(target, below, into)
        .and_then(|target| move_all(&target, &target.join(below), into));
    moved.map_err(|cause| {
        let error = Error::new(
            restored.to_string_lossy(),
            format!("what restic restored cannot be moved to {}: {cause}", into.display()),
            "see that the snapshot holds this directory with `restic ls`, and that the file system has room",
        ).caused_by(&cause);
        match cause.kind() {
            // Nothing was restored, or something else.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => error.blaming_the_snapshot(),
            _ => error,
        }
    })
}

/// Gives what restic restored to a name that nothing in the data has.
fn out_of_the_way(target: &Path, below: &Path, into: &Path) -> io::Result<PathBuf> {
    let mut free = target.to_path_buf();
    let mut number = 0_u32;
    while let Some(name) = free.file_name()
        && target.join(below).join(name).symlink_metadata().is_ok()
    {
        number += 1;
        free = into.join(format!("{TARGET}-{number}"));
    }
    if free != target {
        std::fs::rename(target, &free)?;
    }
    Ok(free)
}

fn move_all(target: &Path, restored: &Path, into: &Path) -> io::Result<()> {
    let beneath = restored.strip_prefix(target).unwrap_or(restored);
    // A snapshot may hold a link where a directory should be.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let top = File::open(target)?;
    let opened = openat2(&top, beneath, flags, Mode::empty(), resolve);
    let restored = File::from(opened.map_err(|error| match error {
        Errno::LOOP => io::Error::new(ErrorKind::NotADirectory, "a link leads to it"),
        error => error.into(),
    })?);
    let metadata = restored.metadata()?;
    let into = File::open(into)?;
    let mut names: BTreeSet<OsString> = BTreeSet::new();
    for entry in std::fs::read_dir(by_descriptor(&restored))? {
        names.insert(entry?.file_name());
    }
    let mut target = target.file_name().unwrap_or_default().to_owned();
    if names.contains(&target) {
        // The data has a file of that name: we give way.
        let other = (0..=names.len())
            .map(|number| OsString::from(format!("{TARGET}-{number}")))
            .find(|name| !names.contains(name))
            .unwrap_or_default();
        renameat(&into, target.as_os_str(), &into, other.as_os_str())?;
        target = other;
    }
    for name in &names {
        renameat(&restored, name.as_os_str(), &into, name.as_os_str())?;
    }
    for name in restored.list_xattr()? {
        // The mark of the storage itself is bound to another inode, and is not the data's.
        if name.to_string_lossy().starts_with("trusted.preseed.") {
            continue;
        }
        if let Some(value) = restored.get_xattr(&name)? {
            into.set_xattr(&name, &value)?;
        }
    }
    // Only directories that led to it are left: should anything else lie there, this fails.
    let mut left = Path::new(&target).join(beneath);
    let root = by_descriptor(&into);
    while !left.as_os_str().is_empty() {
        std::fs::remove_dir(root.join(&left))?;
        left.pop();
    }
    into.set_times(
        FileTimes::new()
            .set_accessed(metadata.accessed()?)
            .set_modified(metadata.modified()?),
    )
}

/// A path that leads to what a descriptor holds.
fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{create_dir_all, write};

    use super::*;

    #[test]
    fn nothing_or_something_else_restored_is_an_error() {
        let into = tempfile::tempdir().unwrap();
        let target = into.path().join(".restored");
        let path = Path::new("/var/lib/sonarr");
        let told = move_into_place(&target, path, into.path())
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("what restic restored cannot be moved"),
            "{told}"
        );

        create_dir_all(target.join("var/lib/sonarr/a")).unwrap();
        write(target.join("var/lib/sonarr.db"), "of something else").unwrap();
        move_into_place(&target, path, into.path()).unwrap_err();
        std::fs::remove_file(target.join("var/lib/sonarr.db")).unwrap();

        create_dir_all(target.join("var/lib/sonarr")).unwrap();
        move_into_place(&target, path, into.path()).unwrap();
        assert!(into.path().join("a").is_dir());
        assert!(!target.exists());
    }

    #[test]
    fn a_file_called_like_ours_is_data_and_a_link_leads_nowhere() {
        let into = tempfile::tempdir().unwrap();
        let target = into.path().join(TARGET);
        create_dir_all(target.join("srv/app")).unwrap();
        write(target.join("srv/app").join(TARGET), "data").unwrap();
        write(target.join("srv/app/other"), "data").unwrap();
        move_into_place(&target, Path::new("/srv/app"), into.path()).unwrap();
        assert_eq!(std::fs::read(into.path().join(TARGET)).unwrap(), b"data");
        assert_eq!(std::fs::read_dir(into.path()).unwrap().count(), 2);

        let outside = tempfile::tempdir().unwrap();
        create_dir_all(outside.path().join("app")).unwrap();
        write(outside.path().join("app/file"), "").unwrap();
        let into = tempfile::tempdir().unwrap();
        let target = into.path().join(TARGET);
        create_dir_all(&target).unwrap();
        std::os::unix::fs::symlink(outside.path(), target.join("srv")).unwrap();
        move_into_place(&target, Path::new("/srv/app"), into.path()).unwrap_err();
        assert!(outside.path().join("app/file").exists());
    }
}
