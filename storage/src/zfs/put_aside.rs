//! Puts aside what was to be thrown away and could not be.

use super::dataset::Zfs;
use super::kinds::{IGNORED, KEPT};
use super::{call, kept_record, left_over, names, properties};
use crate::held_mount::HeldMount;
use crate::holders::Data;
use crate::kept::{self, Note};
use crate::mark::{Mark, Stage};
use crate::{Error, Result, mountinfo};

/// Renames a dataset of a restore that was to be thrown away and could not be, for this reason, to a kept name: somebody
/// uses it. The daily timer tries again. It keeps no service down.
pub(super) fn put_aside(zfs: &Zfs<'_>, dataset: &str, error: Error) -> Result<()> {
    let note = Note::new(kept::THROWN_AWAY, &Mark::new(Stage::Staging, "preseed", ""));
    let Ok(kept) = names::kept(zfs, dataset, &note) else {
        return Err(error);
    };
    let set = [
        "set",
        "canmount=noauto",
        &format!("{IGNORED}=on"),
        &format!("{KEPT}={note}"),
        dataset,
    ];
    // If it is not even that, what it was to be destroyed for is told.
    if call::zfs(&set).is_err() || call::zfs(&["rename", "-u", dataset, &kept]).is_err() {
        return Err(error);
    }
    if let Ok(Some(found)) = properties::get(&kept) {
        kept_record::begin(&found, &note);
    }
    zfs.seen.replace(None);
    // Who uses it goes on; the next one is mounted there. If it is not, mounting that says so.
    let path = left_over::path(zfs);
    if let Some(mounted) = mountinfo::at(&path)?.filter(|mount| mount.is_of_dataset(&kept)) {
        let _ =
            HeldMount::of(&mounted, &Data::Dataset(&kept)).and_then(|held| held.take_down(true));
    }
    Ok(())
}
