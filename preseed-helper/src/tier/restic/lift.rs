//! Lifts a restored tree to where it belongs: restic restores `/var/lib/x` below its target with the whole path.

use std::fs::{File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use storage::{Error, Result, step};

/// The directory that restic restores to, in the staged one.
pub(super) const TARGET: &str = ".preseed-restic";

/// Moves what lies in `target` + `path` to `into`, with the directory's own times, attributes and ACLs,
/// and removes `target`, which lies in `into`. All three are absolute.
///
/// # Errors
/// When there is nothing, or when it cannot be moved.
pub(super) fn lift(target: &Path, path: &Path, into: &Path) -> Result<()> {
    let below = path.strip_prefix("/").unwrap_or(path);
    let restored = target.join(below);
    step::at(|| format!("lift {}", restored.display()));
    let moved = out_of_the_way(target, below, into)
        .and_then(|target| move_all(&target, &target.join(below), into));
    moved.map_err(|cause| {
        let error = Error::new(
            restored.to_string_lossy(),
            format!("what restic restored cannot be moved to {}: {cause}", into.display()),
            "see that the snapshot holds this directory with `restic ls`, and that the file system has room",
        );
        match cause.kind() {
            // Nothing was restored, or something else.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => error.of_the_snapshot(),
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
    let metadata = restored.symlink_metadata()?;
    if !metadata.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is not a directory",
        ));
    }
    for entry in std::fs::read_dir(restored)? {
        let entry = entry?;
        std::fs::rename(entry.path(), into.join(entry.file_name()))?;
    }
    for name in xattr::list(restored)? {
        // The mark of the storage itself is bound to another inode, and is not the data's.
        if name.to_string_lossy().starts_with("trusted.preseed.") {
            continue;
        }
        if let Some(value) = xattr::get(restored, &name)? {
            xattr::set(into, &name, &value)?;
        }
    }
    // Only directories that led to it are left: should anything else lie there, this fails.
    let mut above = restored.to_path_buf();
    while above.starts_with(target) {
        std::fs::remove_dir(&above)?;
        above.pop();
    }
    File::open(into)?.set_times(
        FileTimes::new()
            .set_accessed(metadata.accessed()?)
            .set_modified(metadata.modified()?),
    )
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
        let told = lift(&target, path, into.path()).unwrap_err().to_string();
        assert!(
            told.contains("what restic restored cannot be moved"),
            "{told}"
        );

        create_dir_all(target.join("var/lib/sonarr/a")).unwrap();
        write(target.join("var/lib/sonarr.db"), "of something else").unwrap();
        lift(&target, path, into.path()).unwrap_err();
        std::fs::remove_file(target.join("var/lib/sonarr.db")).unwrap();

        create_dir_all(target.join("var/lib/sonarr")).unwrap();
        lift(&target, path, into.path()).unwrap();
        assert!(into.path().join("a").is_dir());
        assert!(!target.exists());
    }

    #[test]
    fn data_that_is_called_like_the_target_is_moved_as_well() {
        let into = tempfile::tempdir().unwrap();
        let target = into.path().join(TARGET);
        let path = Path::new("/srv/app");
        create_dir_all(target.join("srv/app").join(TARGET)).unwrap();
        create_dir_all(target.join("srv/app").join(format!("{TARGET}-1"))).unwrap();
        write(target.join("srv/app").join(TARGET).join("file"), "").unwrap();
        lift(&target, path, into.path()).unwrap();
        assert!(into.path().join(TARGET).join("file").exists());
        assert_eq!(into.path().read_dir().unwrap().count(), 2);
    }
}
