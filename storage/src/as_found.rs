//! A service as its storage is, where its own file does not say what that is to be.
//!
//! What a template, `preseed.toml` or a default says makes new storage. Of storage that is there, it changes nothing:
//! a run that did not take this for what holds would look for the data where it is not.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use declaration::layer::{Declared, Layer};
use declaration::settings::{Service, Storage};
use declaration::value::{Mode, Principal};

use crate::zfs::as_found as dataset_as_found;
use crate::{Error, Result, shown};

/// The service with the place where its dataset is, in place of one that its own file does not say.
///
/// # Errors
/// When it cannot be told.
pub fn placed(service: &Service) -> Result<Cow<'_, Service>> {
    let Storage::Zfs(dataset) = &service.storage else {
        return Ok(Cow::Borrowed(service));
    };
    if service.mountpoint.is_own() {
        return Ok(Cow::Borrowed(service));
    }
    match dataset_as_found::actual(service, dataset)? {
        Some(place) if place != service.mountpoint.value => Ok(Cow::Owned(moved(service, place))),
        _ => Ok(Cow::Borrowed(service)),
    }
}

/// The service as its storage is: that, and the owner, group and mode of its directory.
///
/// # Errors
/// When it cannot be told.
pub fn whole(service: &Service) -> Result<Cow<'_, Service>> {
    let placed = placed(service)?;
    if !dataset_as_found::is_seen(&placed)? {
        return Ok(placed);
    }
    Ok(match owned(&placed, &placed.mountpoint)? {
        Cow::Borrowed(_) => placed,
        Cow::Owned(owned) => Cow::Owned(owned),
    })
}

fn moved(service: &Service, place: PathBuf) -> Service {
    let mut service = service.clone();
    if let Some(backup) = &mut service.backup
        && backup.path.layer == Layer::Default
    {
        backup.path.value.clone_from(&place);
    }
    service.mountpoint.value = place;
    service
}

/// The service with the owner, group and mode that the directory `path` has, in place of those that its own file does
/// not say.
pub(crate) fn owned<'a>(service: &'a Service, path: &Path) -> Result<Cow<'a, Service>> {
    if service.owner.is_own() && service.group.is_own() && service.mode.is_own() {
        return Ok(Cow::Borrowed(service));
    }
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Cow::Borrowed(service)),
        Err(error) => {
            return Err(Error::new(
                shown(path),
                format!("its owner cannot be told: {error}"),
                "see that its file system is sound, and that we run as root",
            )
            .caused_by(&error));
        }
    };
    let mut service = service.clone();
    keep(&mut service.owner, Principal::of_id(metadata.uid()));
    keep(&mut service.group, Principal::of_id(metadata.gid()));
    keep(&mut service.mode, Mode::of_bits(metadata.mode()));
    Ok(Cow::Owned(service))
}

fn keep<T>(declared: &mut Declared<T>, found: T) {
    if !declared.is_own() {
        declared.value = found;
    }
}
