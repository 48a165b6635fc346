//! Reads a file that is a regular one, and nothing else: no pipe, no device, nothing that blocks.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::location::Location;
use crate::problem::Problem;

/// The largest file that is read, in bytes. A declaration has a few hundred.
const LARGEST: u64 = 1 << 20;

/// Whether `path` leads to a regular file; `Ok(false)`: it is masked.
pub(crate) fn check_kind(path: &Path) -> Result<bool, String> {
    match fs::metadata(path) {
        Ok(metadata) if is_null(&metadata) => Ok(false),
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(metadata) => Err(format!("the file is {}", kind(metadata.file_type()))),
        Err(error) => match fs::read_link(path) {
            // In a root without devices.
            Ok(target) if target == Path::new("/dev/null") => Ok(false),
            Ok(target) if error.kind() == io::ErrorKind::NotFound => Err(format!(
                "the file is a link to {}, which is not there",
                target.display()
            )),
            _ => Err(format!("cannot read the file: {}", reason(&error))),
        },
    }
}

/// Whether this is /dev/null, whose device number is fixed (null(4)).
fn is_null(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == nix::sys::stat::makedev(1, 3)
}

fn kind(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

pub(crate) fn read_regular(path: &Path) -> Result<(Vec<u8>, Metadata), Unreadable> {
    let read = |path: &Path| -> io::Result<Result<(Vec<u8>, Metadata), Unreadable>> {
        // Should it have become a named pipe just now, opening it does not wait for a writer.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Err(Unreadable::new(format!(
                "the file is {}",
                kind(metadata.file_type())
            ))));
        }
        if metadata.len() > LARGEST {
            return Ok(Err(Unreadable {
                location: Location::START,
                what: format!("the file has {} bytes", metadata.len()),
                help: "a declaration has at most 1 MiB: write only the declaration into it"
                    .to_owned(),
                salvage: String::new(),
            }));
        }
        let bytes = read_all(&mut file, metadata.len())?;
        Ok(Ok((bytes, metadata)))
    };
    read(path).unwrap_or_else(|error| {
        Err(Unreadable::new(format!(
            "cannot read the file: {}",
            reason(&error)
        )))
    })
}

/// Reads a file of `length` bytes with one call; what is appended meanwhile is left out.
fn read_all(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The system's words for an error, lower case and without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    let lower = text
        .chars()
        .next()
        .filter(char::is_ascii_uppercase)
        .map(|first| first.to_ascii_lowercase());
    if let Some(first) = lower {
        text.replace_range(..1, first.encode_utf8(&mut [0; 4]));
    }
    text
}

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) location: Location,
    pub(crate) what: String,
    pub(crate) help: String,
    /// What could be read of it all the same.
    pub(crate) salvage: String,
}

impl Unreadable {
    pub(crate) fn new(what: String) -> Self {
        Self {
            location: Location::START,
            what,
            help: "put a readable file here, or a link to /dev/null to mask it".to_owned(),
            salvage: String::new(),
        }
    }

    /// As a problem of `file`.
    pub(crate) fn problem(&self, file: &Path) -> Problem {
        self.location
            .problem(file, self.what.clone(), self.help.clone())
    }
}
