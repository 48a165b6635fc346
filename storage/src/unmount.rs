//! Unmounts a service's data at a place where the whole machine sees it, before it is replaced.

use std::path::Path;

use crate::held_mount::HeldMount;
use crate::holders::Data;
use crate::{Error, ErrorKind, Result, mountinfo, quoted, shown};

/// Unmounts this data at `point`, if it is mounted there. Where somebody uses it, `judge` says whether that keeps it
/// there; if not, who uses it goes on with what it was.
///
/// # Errors
/// When somebody keeps it there, when something else was mounted over it, or when it cannot be unmounted.
pub(crate) fn unmount(
    point: &Path,
    data: &Data<'_>,
    judge: impl FnOnce(&HeldMount) -> Result<()>,
) -> Result<()> {
    let found = match mountinfo::at(point)? {
        Some(mount) if data.is_shown_by(&mount) => mount,
        None => return Ok(()),
        Some(other) => {
            return Err(Error::new(
                shown(point),
                format!(
                    "{} `{}` was mounted over the service's data just now",
                    other.kind, other.source
                ),
                format!("`umount {}`, then start the service again", quoted(point)),
            )
            .of_kind(ErrorKind::InTheWay));
        }
    };
    let taken = HeldMount::of(&found, data).map_or_else(
        |error| Ok(Err(error)),
        |held| {
            let taken = held.take_down(false);
            if taken != Err(nix::Error::EBUSY) {
                return Ok(taken);
            }
            judge(&held)?;
            Ok(held.take_down(true))
        },
    )?;
    taken.map_err(|error| {
        Error::new(
            shown(point),
            format!("cannot be unmounted: {error}"),
            format!(
                "see what uses it with `fuser -vm {}`, stop that, then start the service again",
                quoted(point)
            ),
        )
        .caused_by(&error)
    })
}
