//! What an undo had on its way back into its place, and did not put there.

use super::dataset::Zfs;
use super::properties::Properties;
use super::{call, kept_record, kinds, left_over, names};
use crate::kept::Note;
use crate::{Kept, Result, mountinfo, mountpoint};

/// When and why it was replaced, of a staged dataset that was brought back and not put in place. What root has noted counts
/// first: somebody else may have taken the note from the dataset.
pub(super) fn note_of(staged: &Properties) -> Option<Note> {
    kept_record::of(staged).or_else(|| {
        let note = staged
            .value(kinds::KEPT)
            .filter(|_| staged.is_local(kinds::KEPT));
        note.map(Note::parse)
    })
}

/// Gives what was to be brought back, which has these properties, a kept name again, as what it is: a copy may be thrown
/// away one day, and this is somebody's data.
pub(super) fn keep_again(zfs: &Zfs<'_>, staged: &Properties) -> Result<Option<Kept>> {
    let Some(note) = note_of(staged) else {
        return Ok(None);
    };
    let staging = zfs.staging_name();
    let kept = names::kept(zfs, &staging, &note)?;
    let path = left_over::path(zfs);
    if mountinfo::at(&path)?.is_some() {
        mountpoint::unmount(&path)?;
    }
    zfs.seen.replace(None);
    call::zfs(&["rename", "-u", &staging, &kept])?;
    Ok(Some(Kept {
        name: kept,
        seen_by: None,
        pending: None,
    }))
}
