//! What stands where restores are staged: whether it is preseed's, and how far it came.

use std::path::{Path, PathBuf};

use super::dataset::Zfs;
use super::half_created;
use super::properties::Properties;
use crate::mark::{PROPERTY, Stage};
use crate::{Error, ErrorKind, LeftOver, Mark, MarkState, Result, kept};

/// Where a dataset that an earlier version staged may be mounted in the host's namespace.
const MOUNTS: &str = "/run/preseed/staging";

/// What an incomplete staging's mark is bound to.
pub(super) const UNBOUND: &str = "staging";

/// The mark of a dataset that is prepared from the snapshot `from`, before its guid is known.
pub(super) fn unbound_mark(from: &str) -> String {
    Mark::new(Stage::Staging, "preseed", from).bound_to(UNBOUND)
}

/// That what stands where restores are staged may be thrown away, or is swapped in.
///
/// # Errors
/// When it is somebody's, or when that cannot be told.
pub(super) fn must_be_ours(found: &Properties) -> Result<()> {
    let is_ours = match left_over(Some(found)) {
        LeftOver::Incomplete | LeftOver::Complete(_) => true,
        LeftOver::Unmarked => half_created::holds_nothing(found)?,
        LeftOver::Nothing => false,
    };
    if is_ours {
        return Ok(());
    }
    let staging = found.dataset();
    Err(Error::new(
        staging,
        "it stands where restores are staged, and is not preseed's",
        format!(
            "look into it, rename it with `zfs rename {staging} …`, then start the service again"
        ),
    )
    .of_kind(ErrorKind::InTheWay))
}

/// Whether a dataset is one that a restore staged and did not finish.
pub(super) fn is_incomplete(found: &Properties) -> bool {
    found
        .local_mark(UNBOUND)
        .is_some_and(|mark| mark.stage == Stage::Staging)
}

/// Whether a dataset has no mark of its own: ZFS makes a dataset in one transaction group, and sets its properties
/// in a later one.
fn is_unmarked(found: &Properties) -> bool {
    !found.is_local(PROPERTY)
}

/// What is left of an earlier restore, as the properties under the staging's name tell.
pub(super) fn left_over(found: Option<&Properties>) -> LeftOver {
    match found {
        None => LeftOver::Nothing,
        Some(found) if is_incomplete(found) => LeftOver::Incomplete,
        Some(found) if is_unmarked(found) => LeftOver::Unmarked,
        Some(found) => match found.mark() {
            MarkState::Ours(mark) if mark.stage == Stage::Staged => LeftOver::Complete(mark),
            _ => LeftOver::Nothing,
        },
    }
}

/// Where a service's staged dataset may be mounted in the host's namespace, if an earlier version staged it.
pub(super) fn path(zfs: &Zfs<'_>) -> PathBuf {
    let name = zfs.service.name.as_str();
    if zfs.is_drill {
        return Path::new(MOUNTS).join(kept::drill(name));
    }
    Path::new(MOUNTS).join(name)
}
