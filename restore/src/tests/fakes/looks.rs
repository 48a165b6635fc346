//! What a look into storage in memory shows, and how it fails.

use ::storage::{Contents, Error};
use declaration::settings::Service;

use super::{Files, How, SKELETON};

/// What lies there, as the service sees it.
pub(crate) fn contents_of(files: &Files, service: &Service) -> Contents {
    let (found, missing) = service
        .expect
        .iter()
        .cloned()
        .partition(|path| files.contains_key(&*path.to_string_lossy()));
    let mut contents = Contents {
        entries: files.keys().cloned().collect(),
        found,
        missing,
        ..Contents::default()
    };
    if contents.could_be_hollow(service) {
        contents.hollow = files.keys().all(|name| name == SKELETON);
    }
    contents
}

/// An error of a snapshot, or of nobody.
pub(crate) fn error(how: How, what: &str) -> Error {
    let error = Error::new("fake", what, "wait");
    if how == How::Damaged {
        error.blaming_the_snapshot()
    } else {
        error
    }
}
