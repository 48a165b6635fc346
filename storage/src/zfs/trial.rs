//! A clone of a snapshot of the staged dataset, on which it is tried out whether the data is sound.

use super::dataset::Zfs;
use super::properties::{self, Properties};
use super::{call, half_created, inspect, kinds, left_over, program, put_aside};
use crate::mark::PROPERTY;
use crate::trial::{self, Trial};
use crate::{Error, ErrorKind, Result, Staged, namespace};

/// The snapshot of the staged dataset that is cloned.
const SNAPSHOT: &str = "preseed-check";

/// See [`crate::Staging::try_out`].
pub(super) fn try_out(
    zfs: &Zfs<'_>,
    staged: &Staged,
    work: &mut (dyn FnMut(&Trial) + Send),
) -> Result<()> {
    let clone = zfs.check_name();
    let snapshot = format!("{}@{SNAPSHOT}", staged.name);
    call::zfs(&["snapshot", &snapshot])?;
    let tried = tried(zfs, &snapshot, &clone, work);
    // Should it be left behind, it says why after what came before.
    tried.and(throw_away(zfs, &clone, &snapshot))
}

/// Throws both away, in one call if nobody uses them.
fn throw_away(zfs: &Zfs<'_>, clone: &str, snapshot: &str) -> Result<()> {
    if let Ok(true) = program::destroy_with_its_origin(clone, snapshot) {
        return Ok(());
    }
    discard(zfs).and(call::destroy_own(&["destroy", snapshot]))
}

fn tried(
    zfs: &Zfs<'_>,
    snapshot: &str,
    clone: &str,
    work: &mut (dyn FnMut(&Trial) + Send),
) -> Result<()> {
    let mark = format!("{PROPERTY}={}", left_over::unbound_mark(snapshot));
    let ignored = format!("{}=on", kinds::IGNORED);
    let options = [
        "clone",
        "-o",
        "mountpoint=none",
        "-o",
        "canmount=noauto",
        "-o",
        &ignored,
        "-o",
        "com.sun:auto-snapshot=false",
        "-o",
        &mark,
    ];
    let args = [&options[..], &[snapshot, clone]].concat();
    if !call::try_zfs(&args)?.status.success() {
        // An earlier check may have left one.
        discard(zfs)?;
        call::zfs(&args)?;
    }
    let needs = namespace::needs(zfs.service);
    inspect::writable(clone, &needs, |root| {
        let files = trial::new_directory(root)?;
        work(&Trial {
            root: root.to_owned(),
            files,
        });
        Ok(())
    })
}

/// Throws away the clone that a check has left, if there is one.
///
/// # Errors
/// When it is not one of preseed's, or cannot be removed.
pub(super) fn discard(zfs: &Zfs<'_>) -> Result<()> {
    let clone = zfs.check_name();
    let Some(found) = properties::get(&clone)? else {
        return Ok(());
    };
    if is_ours(&found)? {
        // One whose check hangs does not keep others from being checked.
        return call::destroy_own(&["destroy", &clone])
            .or_else(|error| put_aside::put_aside(zfs, &clone, error));
    }
    Err(Error::new(
        &clone,
        "it has the name of what preseed checks restores on, but preseed did not create it",
        format!(
            "look into it, rename it with `zfs rename {clone} …`, then start the service again"
        ),
    )
    .of_kind(ErrorKind::InTheWay))
}

/// A mark of its own says so; without any, it was made just before the power went, and holds nothing of its own.
fn is_ours(found: &Properties) -> Result<bool> {
    if found.is_local(PROPERTY) {
        return Ok(left_over::is_incomplete(found));
    }
    half_created::holds_nothing(found)
}
