//! The record in /var/lib/preseed: one small file for each service, for root alone.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};

use super::record::Record;
use crate::{Error, Result, step};

/// Where the files are.
pub(super) const DIRECTORY: &str = "/var/lib/preseed/memory";

/// What holds them, and whatever else preseed remembers.
const STATE: &str = "/var/lib/preseed";

/// The most that is read of a file: a record has a few hundred bytes.
const LARGEST: u64 = 16 << 10;

/// The file of a service.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// Reads a service's record; `None` if there is none.
///
/// # Errors
/// When there is something that cannot be read, or is none of ours: that is not "nothing".
pub(super) fn read(name: &str) -> Result<Option<Record>> {
    let refused = |what: String| {
        Error::new(
            path(name).to_string_lossy(),
            what,
            format!("look into it; `preseedctl forget {name}` replaces it"),
        )
    };
    let directory = match open_directory() {
        Ok(directory) => directory,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(format!("cannot be read: {error}")).caused_by(&error)),
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(&directory, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(refused(format!("cannot be read: {error}")).caused_by(&error)),
    };
    let read = || {
        let mut text = Vec::new();
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.nlink() != 1 {
            return Err(std::io::Error::other("it is not a file of its own"));
        }
        must_be_ours(&metadata)?;
        file.take(LARGEST).read_to_end(&mut text)?;
        Ok(text)
    };
    let text =
        read().map_err(|error| refused(format!("cannot be read: {error}")).caused_by(&error))?;
    let line = std::str::from_utf8(&text).ok();
    let record = line
        .and_then(|text| text.strip_suffix('\n'))
        .and_then(Record::read);
    let unreadable = || refused("it is not a record of preseed's".to_owned());
    record.map(Some).ok_or_else(unreadable)
}

/// Writes a service's record: a new file that takes the old one's name once it is on the disk.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(name: &str, record: &Record) -> Result<()> {
    step::at(|| format!("remember {name}"));
    let write = || -> std::io::Result<()> {
        for directory in [STATE, DIRECTORY] {
            match DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let directory = open_directory()?;
        if directory.metadata()?.mode() & 0o077 != 0 {
            directory.set_permissions(Permissions::from_mode(0o700))?;
        }
        // A name that no service has. One is left over if the power went.
        let new = format!(".{name}");
        match unlinkat(&directory, &new, AtFlags::empty()) {
            Err(error) if error != rustix::io::Errno::NOENT => return Err(error.into()),
            _ => {}
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&directory, &new, flags, Mode::from_raw_mode(0o600))?);
        file.write_all(format!("{}\n", record.line_with_pool()).as_bytes())?;
        file.sync_all()?;
        renameat(&directory, &new, &directory, name)?;
        directory.sync_all()
    };
    write().map_err(|error| {
        Error::new(
            path(name).to_string_lossy(),
            format!("cannot be written: {error}"),
            "see that /var/lib is writable, and that we run as root",
        )
        .caused_by(&error)
    })
}

/// Opens the directory. The way to it belongs to root, so that links on it are root's.
fn open_directory() -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(DIRECTORY, flags, Mode::empty())?);
    must_be_ours(&directory.metadata()?)?;
    Ok(directory)
}

/// What somebody else could have written is not relied on.
fn must_be_ours(metadata: &std::fs::Metadata) -> std::io::Result<()> {
    let us = nix::unistd::geteuid().as_raw();
    if metadata.uid() != 0 && metadata.uid() != us {
        let what = format!("it belongs to user {}", metadata.uid());
        return Err(std::io::Error::other(what));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(std::io::Error::other("others than root may write it"));
    }
    Ok(())
}
