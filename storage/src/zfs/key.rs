//! The key of an encrypted dataset: whether it is loaded, and whether what replaces the dataset can have it.

use super::properties::{self, Properties};
use crate::{Error, ErrorKind, Result};

/// That its key is loaded, if it is encrypted.
///
/// # Errors
/// When it is not.
pub(super) fn must_have_its_key(found: &Properties) -> Result<()> {
    if found.value("keystatus") != Some("unavailable") {
        return Ok(());
    }
    let dataset = found.dataset();
    // Only the root of the encryption takes a key.
    let root = found.value("encryptionroot").unwrap_or(dataset);
    Err(Error::new(
        dataset,
        "it is encrypted and its key is not loaded",
        format!("load it with `zfs load-key {root}`, then start the service again"),
    )
    .of_kind(ErrorKind::KeyNotLoaded))
}

/// That a snapshot's dataset has its key loaded, so that the snapshot can be looked into.
///
/// # Errors
/// When it has not, or when it cannot be told.
pub(super) fn must_be_readable(snapshot: &str) -> Result<()> {
    let dataset = snapshot.split_once('@').map_or(snapshot, |(name, _)| name);
    match properties::get(dataset)? {
        Some(found) => must_have_its_key(&found),
        None => Ok(()),
    }
}

/// Whether it is encrypted.
pub(super) fn has_a_key(found: &Properties) -> bool {
    found.value("encryptionroot").is_some()
}

/// Whether it is the root of its own encryption, and not a part of its parent's.
pub(super) fn has_a_key_of_its_own(found: &Properties) -> bool {
    found.value("encryptionroot") == Some(found.dataset())
}

/// That a copy can be encrypted as the dataset is: with a key that needs nobody to type it.
pub(super) fn key_must_be_in_a_file(found: &Properties) -> Result<()> {
    if !has_a_key_of_its_own(found) || found.value("keylocation") != Some("prompt") {
        return Ok(());
    }
    let dataset = found.dataset();
    Err(Error::new(
        dataset,
        "it is encrypted with a key of its own that has to be typed in, so no copy can be encrypted with it",
        format!(
            "put the key in a file and tell ZFS with `zfs set keylocation=file:///… {dataset}`, then start the service again"
        ),
    ).of_kind(ErrorKind::KeyNotLoaded))
}
