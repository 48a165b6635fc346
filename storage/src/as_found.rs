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

/// The service at another place, with what is declared to be below its own.
pub(crate) fn moved(service: &Service, place: PathBuf) -> Service {
    let mut service = service.clone();
    move_to(&mut service, place);
    // A part has no places, and keeps what is noted of those that are mounted in it.
    if service.places.is_empty() {
        return service;
    }
    for place in &mut service.places {
        if let Some(below) = place.part.as_ref().and_then(|part| part.below.as_ref()) {
            let point = service.mountpoint.value.join(below);
            move_to(place, point);
        }
    }
    service.order_places();
    service
}

fn move_to(part: &mut Service, place: PathBuf) {
    if let Some(backup) = &mut part.backup
        && backup.path.layer == Layer::Default
    {
        backup.path.value.clone_from(&place);
    }
    part.mountpoint.value = place;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A service that lies elsewhere, with a place below its own, one below that, and one elsewhere.
    fn app(of_backup: &str) -> Service {
        let host = "[storage]\nbackend = \"zfs\"\nparent = \"tank/services\"\n\
                    [repository.local]\nurl = \"/backup\"\npassword-file = \"/etc/preseed/password\"\n";
        let text = format!(
            "[preseed]\nexpect = [\"db\"]\n[backup]\nrepository = \"local\"\n{of_backup}\n\
             [place.covers]\nmountpoint = \"covers\"\nexpect = [\"a\"]\n\
             [place.old]\nmountpoint = \"covers/old\"\nexpect = [\"a\"]\n\
             [place.config]\nmountpoint = \"/etc/app\"\nexpect = [\"a\"]\n"
        );
        let service = declared::service("app", Some(host), &text).unwrap();
        moved(&service, PathBuf::from("/tank/app"))
    }

    /// Where each part is mounted, where its backup is looked for, and what is mounted in it.
    fn told(service: &Service) -> Vec<String> {
        let parts = service.parts().map(|part| {
            let backup = part.backup.as_ref().unwrap();
            let (point, path) = (part.mountpoint.display(), backup.path.display());
            format!("{point} {path} {:?}", part.nested)
        });
        parts.collect()
    }

    #[test]
    fn what_is_below_a_service_is_below_where_that_is() {
        let app = app("");
        assert_eq!(
            told(&app),
            [
                "/etc/app /etc/app []",
                "/tank/app /tank/app [\"covers\", \"covers/old\"]",
                "/tank/app/covers /tank/app/covers [\"old\"]",
                "/tank/app/covers/old /tank/app/covers/old []",
            ]
        );
        // A place by itself keeps what is mounted in it.
        let covers = app.parts().nth(2).unwrap();
        let covers = moved(covers, PathBuf::from("/covers"));
        assert_eq!(told(&covers), ["/covers /covers [\"old\"]"]);
    }

    #[test]
    fn a_backup_stays_where_it_is_declared() {
        let app = app("path = \"/elsewhere\"");
        let told = told(&app);
        assert!(told[1].starts_with("/tank/app /elsewhere "), "{told:?}");
        assert!(
            told[2].starts_with("/tank/app/covers /elsewhere/covers "),
            "{told:?}"
        );
    }
}
