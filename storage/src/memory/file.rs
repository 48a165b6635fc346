//! The record in /var/lib/preseed: one small file for each service, for root alone.

use std::io;
use std::path::{Path, PathBuf};

use super::record::Record;
use crate::{Error, Result, state_file, step};

/// Where the files are.
pub(super) const DIRECTORY: &str = "/var/lib/preseed/memory";

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
    let read = state_file::read(Path::new(DIRECTORY), name, LARGEST);
    let unread = |error: io::Error| refused(format!("cannot be read: {error}")).caused_by(&error);
    let Some(text) = read.map_err(unread)? else {
        return Ok(None);
    };
    let line = std::str::from_utf8(&text).ok();
    let record = line
        .and_then(|text| text.strip_suffix('\n'))
        .and_then(Record::read);
    let unreadable = || refused("it is not a record of preseed's".to_owned());
    record.map(Some).ok_or_else(unreadable)
}

/// Writes a service's record.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(name: &str, record: &Record) -> Result<()> {
    step::at(|| format!("remember {name}"));
    let line = format!("{}\n", record.line_with_pool());
    // A service's name does not begin with a dot, as that of a file does which is being written.
    state_file::write(Path::new(DIRECTORY), name, line.as_bytes()).map_err(|error| {
        Error::new(
            path(name).to_string_lossy(),
            format!("cannot be written: {error}"),
            "see that /var/lib is writable, and that we run as root",
        )
        .caused_by(&error)
    })
}
