//! What is declared for a service's dataset: what one is made with, and what takes its place.

use super::dataset::Zfs;
use super::last_set::{self, LastSet};
use super::mount;
use super::properties::Properties;
use super::set;
use super::wanted::{OF_CREATION, Wanted, declared};
use crate::{Applied, MarkState};

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

/// Whether a property is due on a dataset whose data is there, and that is noted to have been given this: what the service's
/// own file says, and of one that was just made, all that only such a one gets.
pub(super) fn applies(wanted: &Wanted<'_>, noted: &LastSet) -> bool {
    wanted.is_own() || wanted.is_late() && noted.is_just_made()
}

/// What only a dataset gets that has its data, and this one has not.
fn late_ones<'z>(zfs: &'z Zfs<'_>, found: &Properties) -> Vec<Wanted<'z>> {
    let noted = LastSet::of(found);
    let is_due = |wanted: &Wanted<'_>| {
        wanted.is_late()
            && applies(wanted, &noted)
            && !wanted.is_so(found)
            && !noted.holds(wanted.property, &wanted.value)
    };
    let all = declared(zfs.service, zfs.dataset).into_iter();
    all.filter(is_due).collect()
}

/// What is to be noted, with its mark, on a dataset that has its data now: that nothing is missing of what is declared for
/// one that was just made. `None`: nothing is to be, or something is still [to be set](set_the_late_ones).
pub(super) fn is_whole(zfs: &Zfs<'_>, found: &Properties) -> Option<LastSet> {
    let noted = LastSet::of(found);
    let is_whole = noted.is_just_made() && late_ones(zfs, found).is_empty();
    is_whole.then(|| noted.with_all())
}

/// Gives a dataset that has its data, and its mark, what only such a one gets. It keeps no service down: what cannot be set
/// is told ([`crate::InPlace::not_set`]), and each start tries it again.
///
/// Once it is promoted, if that can be: a clone counts none of its data as its own, and a reservation would take the space of
/// all of it.
pub(super) fn set_the_late_ones(zfs: &Zfs<'_>, found: &Properties) {
    let sets = late_ones(zfs, found);
    if sets.is_empty() {
        return;
    }
    let mut applied = Applied::default();
    let call = |args: &[&str]| mount::set(zfs, args);
    let done = set::what_can_be(found, set::Last::OfANewOne, sets, &mut applied, &call);
    let mut not_set = zfs.not_set.borrow_mut();
    not_set.append(&mut applied.differs);
    if let Err(error) = done {
        not_set.push(format!("what is declared cannot be set: {error}"));
    }
}
