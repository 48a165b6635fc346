//! What is declared for a service's dataset: what one is made with, and what takes its place.

use super::dataset::Zfs;
use super::last_set::{self, LastSet};
use super::mount;
use super::properties::Properties;
use super::set;
use super::wanted::{OF_CREATION, Wanted, declared};
use crate::MarkState;

/// What a dataset is created with besides what is declared. An admin may change it later.
///
/// `overlay=off`: `zfs mount -a` must not hide files either. `acltype` and `xattr`: what a backup holds
/// of access control lists and extended attributes can be restored, and is kept in the inode (zfsprops(7)).
pub(super) const AT_CREATION: [(&str, &str); 3] =
    [("overlay", "off"), ("acltype", "posix"), ("xattr", "sa")];

/// What a dataset that is missing is made with.
pub(super) fn of_a_new_one(zfs: &Zfs<'_>) -> Vec<(String, String)> {
    let declared = declared(zfs.service, zfs.dataset);
    let mut noted = LastSet::just_made();
    let mut all: Vec<(String, String)> = Vec::new();
    for (property, value) in AT_CREATION {
        if declared.iter().all(|wanted| wanted.property != property) {
            all.push((property.to_owned(), value.to_owned()));
        }
    }
    for wanted in declared.into_iter().filter(|wanted| !wanted.is_late()) {
        if !wanted.is_needed() {
            noted.note(wanted.property, &wanted.value);
        }
        all.push((wanted.property.to_owned(), wanted.value));
    }
    all.push((last_set::PROPERTY.to_owned(), noted.value()));
    all
}

/// What is declared and stays, of what takes the place of the service's dataset: what that has, which was made what is
/// declared as far as it could be. Where there is none, all that is declared.
pub(super) fn of_a_successor(zfs: &Zfs<'_>, is_new: bool) -> Vec<(String, String)> {
    let seen = zfs.seen.borrow();
    let there = seen.as_ref().and_then(|seen| seen.dataset.as_ref());
    let mut all = of_a_new_one(zfs);
    let Some(there) = there else {
        // What is cloned or received has the rules for names of its origin.
        all.retain(|(property, _)| is_new || !OF_CREATION.contains(&property.as_str()));
        return all;
    };
    let mut noted = LastSet::of(there);
    // It belongs to the one dataset.
    for property in ["reservation", "refreservation"] {
        noted.forget(property);
    }
    // What it inherits, its successor inherits as well; what else it has, an admin may have set, and is carried over.
    let mut successor = Vec::new();
    for property in ["recordsize", "compression"] {
        if let Some(has) = there.value(property).filter(|_| there.is_given(property)) {
            successor.push((property.to_owned(), has.to_owned()));
        }
    }
    successor.push((last_set::PROPERTY.to_owned(), noted.value()));
    successor
}

/// Whether a dataset was made by preseed and has never had any data.
pub(super) fn is_made_and_empty(found: &Properties) -> bool {
    LastSet::of(found).is_just_made() && matches!(found.mark(), MarkState::None)
}

/// Whether a dataset has its data, as its mark says.
pub(super) fn has_data(found: &Properties) -> bool {
    matches!(found.mark(), MarkState::Ours(mark) if mark.is_seeded())
}

/// Gives a dataset that has its data now what only such a one gets: of one that was just made, all that is declared, else
/// what the service's own file says. It keeps no service down: what could not be set is told at the next start.
/// Gives what is to be set with its mark.
pub(super) fn set_the_late_ones(zfs: &Zfs<'_>, found: &Properties) -> Option<LastSet> {
    let noted = LastSet::of(found);
    let is_due = |wanted: &Wanted<'_>| {
        wanted.is_late()
            && (wanted.is_own() || noted.is_just_made())
            && !wanted.is_so(found)
            && !noted.holds(wanted.property, &wanted.value)
    };
    let sets: Vec<_> = declared(zfs.service, zfs.dataset)
        .into_iter()
        .filter(is_due)
        .collect();
    let before = noted.clone();
    let mut noted = noted.with_all();
    for one in sets {
        // One may be refused, and the others not.
        let _ = set::all(std::slice::from_ref(&one), &mut noted, &|args| {
            mount::set(zfs, args)
        });
    }
    (noted != before).then_some(noted)
}
