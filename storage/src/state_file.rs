//! A small file in which the machine keeps something, for root alone: read with care, written whole or not at all.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};

/// Reads the file `name` of `directory` (absolute), at most so many bytes; `None` if there is none.
///
/// # Errors
/// When there is something that cannot be read, or that somebody else could have written.
pub fn read(directory: &Path, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
    let directory = match open(directory) {
        Ok(directory) => directory,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(&directory, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(io::Error::other("it is not a file of its own"));
    }
    must_be_ours(&metadata)?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes the file `name` of `directory` (absolute), which is made if it is missing: a new file that takes the old one's name once it is on the disk.
///
/// # Errors
/// When it cannot be written.
pub fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    for made in directory.parent().into_iter().chain([directory]) {
        match DirBuilder::new().mode(0o700).create(made) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let directory = &open(directory)?;
    if directory.metadata()?.mode() & 0o077 != 0 {
        directory.set_permissions(Permissions::from_mode(0o700))?;
    }
    // A name that nothing else has. One is left over if the power went.
    let new = format!(".{name}");
    match unlinkat(directory, &new, AtFlags::empty()) {
        Err(error) if error != rustix::io::Errno::NOENT => return Err(error.into()),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory, &new, flags, Mode::from_raw_mode(0o600))?);
    file.write_all(bytes)?;
    file.sync_all()?;
    renameat(directory, &new, directory, name)?;
    directory.sync_all()
}

/// Opens the directory. The way to it belongs to root, so that links on it are root's.
fn open(directory: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(directory, flags, Mode::empty())?);
    must_be_ours(&directory.metadata()?)?;
    Ok(directory)
}

/// What somebody else could have written is not relied on.
fn must_be_ours(metadata: &std::fs::Metadata) -> io::Result<()> {
    let us = nix::unistd::geteuid().as_raw();
    if metadata.uid() != 0 && metadata.uid() != us {
        let what = format!("it belongs to user {}", metadata.uid());
        return Err(io::Error::other(what));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("others than root may write it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_others_could_write_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("files");
        assert_eq!(read(&directory, "a", 100).unwrap(), None);
        DirBuilder::new().mode(0o755).create(&directory).unwrap();
        assert_eq!(read(&directory, "a", 100).unwrap(), None);
        // Left over from a write that the power ended.
        std::fs::write(directory.join(".a"), "half").unwrap();
        write(&directory, "a", b"whole").unwrap();
        assert_eq!(read(&directory, "a", 100).unwrap().unwrap(), b"whole");
        assert_eq!(read(&directory, "a", 2).unwrap().unwrap(), b"wh");
        assert!(!directory.join(".a").exists());
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("a")), 0o600);
        std::fs::hard_link(directory.join("a"), directory.join("b")).unwrap();
        read(&directory, "b", 100).unwrap_err();
        std::os::unix::fs::symlink("/etc/passwd", directory.join("c")).unwrap();
        read(&directory, "c", 100).unwrap_err();
        write(&directory, "c", b"no link is followed").unwrap();
        assert!(read(&directory, "c", 100).unwrap().is_some());
        std::fs::write(directory.join("d"), "x").unwrap();
        std::fs::set_permissions(directory.join("d"), Permissions::from_mode(0o666)).unwrap();
        read(&directory, "d", 100).unwrap_err();
    }
}
