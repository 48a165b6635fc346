//! The link to where a service's dataset is mounted, for units that must not start unless it is.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

use declaration::settings::{MOUNTPOINTS, Service};
use storage::{Error, Result};

/// Lets the link called as the service lead to its mountpoint.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn lead_to_mountpoint(service: &Service) -> Result<()> {
    let link = Path::new(MOUNTPOINTS).join(service.name.as_str());
    let target: &Path = &service.mountpoint;
    if std::fs::read_link(&link).is_ok_and(|is| is == target) {
        return Ok(());
    }
    let make = || -> std::io::Result<()> {
        if let Some(shared) = Path::new(MOUNTPOINTS).parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(shared)?;
        }
        match DirBuilder::new().mode(0o755).create(MOUNTPOINTS) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // A name that no service has, and a rename: no unit ever finds none.
        let mut new = OsString::from(".");
        new.push(service.name.as_str());
        let new = link.with_file_name(new);
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        symlink(target, &new)?;
        std::fs::rename(&new, &link)
    };
    make().map_err(|error| {
        Error::new(
            link.to_string_lossy(),
            format!("cannot be made: {error}"),
            "see that /run is writable, and that we run as root",
        )
        .caused_by(&error)
    })
}
