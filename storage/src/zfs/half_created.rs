//! A dataset that was made, and had none of its properties set yet when the power went.
//!
//! ZFS makes a dataset (create, clone, receive) in one transaction group, and sets the properties it was given in a
//! later one, before anything is written to it. What a cut in between leaves cannot be told by a mark from what
//! somebody else has made; but it holds nothing of its own.

use std::path::Path;

use super::properties::Properties;
use super::snapshots::snapshots_of;
use super::{call, inspect};
use crate::{Error, MarkState, Result, mountinfo, shown};

/// Whether a file system provably holds nothing that is not elsewhere as well: nothing that could be missed.
///
/// # Errors
/// When it cannot be told. That is never "nothing".
pub(super) fn holds_nothing(found: &Properties) -> Result<bool> {
    let dataset = found.dataset();
    if found.value("type") != Some("filesystem") {
        return Ok(false);
    }
    if let Some(token) = found.value("receive_resume_token") {
        return has_received_nothing(dataset, token);
    }
    // One whose version cannot be told is being received just now.
    if found.value("version").is_none() || snapshots_of(dataset)?.is_some_and(|s| !s.is_empty()) {
        return Ok(false);
    }
    let look = |root: &Path| match found.value("origin") {
        Some(origin) => is_as_cloned(dataset, origin),
        None => is_empty(root),
    };
    if let Some(root) = mountinfo::place_of(dataset)? {
        return look(&root);
    }
    // `zfs diff` reads the origin below the mountpoint of its dataset.
    let origin = found.value("origin").and_then(|it| it.split_once('@'));
    let below = match origin {
        Some((dataset, _)) => mountinfo::place_of(dataset)?,
        None => None,
    };
    inspect::seeing(dataset, below.as_slice(), look)
}

/// Whether a clone, which is mounted, holds what it was cloned from. (Its property `written` counts more than that.)
fn is_as_cloned(clone: &str, origin: &str) -> Result<bool> {
    call::zfs(&["diff", "-H", origin, clone]).map(|told| told.is_empty())
}

/// Whether nothing lies in the root of a file system.
pub(super) fn is_empty(root: &Path) -> Result<bool> {
    let unreadable = |error| {
        Error::new(
            shown(root),
            format!("cannot be looked at: {error}"),
            "see that its pool is healthy with `zpool status`, then start the service again",
        )
        .caused_by(&error)
    };
    for entry in std::fs::read_dir(root).map_err(unreadable)? {
        if entry.map_err(unreadable)?.file_name() != ".zfs" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether nothing had come of a receive that can be gone on with: its token says how many bytes have.
fn has_received_nothing(dataset: &str, token: &str) -> Result<bool> {
    // It fails if what was sent is not there any more, and tells the token's contents even then.
    let told = call::try_zfs(&["send", "-n", "-v", "-t", token])?;
    let bytes = told.stdout.lines().find_map(|line| {
        let number = line.trim().strip_prefix("bytes = 0x")?;
        u64::from_str_radix(number, 16).ok()
    });
    bytes.map(|bytes| bytes == 0).ok_or_else(|| {
        Error::new(
            dataset,
            format!(
                "`zfs send -n -v -t` told nothing that can be read: `{}`",
                told.stdout.trim().escape_debug()
            ),
            format!("look into it, rename it with `zfs rename {dataset} …`, then start the service again"),
        )
    })
}

/// Whether a dataset was just made, and has not been given what is declared: whoever makes one for a service gives it
/// a mountpoint, and it holds nothing.
pub(super) fn is_new(found: &Properties) -> Result<bool> {
    let is_bare = !found.is_given("mountpoint") && found.value("mountpoint") != Some("legacy");
    Ok(is_bare && matches!(found.mark(), MarkState::None) && holds_nothing(found)?)
}
