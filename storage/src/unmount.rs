//! Unmounts a service's data at a place where the whole machine sees it, before it is replaced.

use std::path::Path;

use crate::holders::Data;
use crate::{Error, ErrorKind, Result, binds, mountinfo, quoted, shown};

/// Unmounts this data at `point`, if it is mounted there. Where somebody uses it, `judge` says whether that keeps it
/// there; if not, who uses it goes on with what it was.
///
/// # Errors
/// When somebody keeps it there, when something else was mounted over it, or when it cannot be unmounted.
pub(crate) fn unmount(
    point: &Path,
    data: &Data<'_>,
    judge: impl FnOnce() -> Result<()>,
) -> Result<()> {
    // It is unmounted by its path: what is there must be what was found there.
    match mountinfo::at(point)? {
        Some(mount) if data.is_shown_by(&mount) => {}
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
    }
    let mut taken = binds::take_down(point, false);
    if taken == Err(nix::Error::EBUSY) {
        judge()?;
        taken = binds::take_down(point, true);
    }
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
