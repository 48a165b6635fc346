//! What is to be of one point is not, or would not be.

use ::storage::Mark;
use declaration::settings::OnUnavailable;

use super::{Found, PARTS, Set, data, snap};
use crate::decide::Outcome;
use crate::tests::fakes::source::late::Late;
use crate::tests::fakes::source::{Filed, Script};
use crate::tests::fakes::{Files, How, Memory, World};

/// The service's own data is there, and one of its places is lost, whose source is late.
fn with_late(refusals: usize) -> Set {
    let mut set = Set::new([Found::Present, Found::Present, Found::IsCloned], true);
    let up = Script {
        name: "restic late",
        answers: true,
        snapshots: vec![snap(2, 10, data(7), How::Well)],
        is_cut_short: false,
        elsewhere: Filed::Nothing,
    };
    set.late = Some(Late::of(2, up, refusals));
    set
}

#[test]
fn what_is_lost_is_waited_for_before_it_is_compared_with_what_is_there() {
    let set = with_late(0);
    let before = set.state();
    let refused = set.start().unwrap_err().error.to_string();
    assert!(
        refused.contains("bring all of them from one point"),
        "{refused}"
    );
    assert_eq!(before, set.state(), "something was staged");
}

#[test]
fn a_source_that_answers_only_later_brings_nothing_older_beside_what_is_there() {
    let set = with_late(1);
    let refused = set.start().unwrap_err().error.to_string();
    assert!(
        refused.contains("bring all of them from one point"),
        "{refused}"
    );
    assert_eq!(set.files(2), Files::new());
    // What was brought is kept, and does not take the place at the next start.
    assert!(set.worlds[2].disk.borrow().staging.is_none());
    assert!(set.start().is_err());
    assert_eq!(set.files(2), Files::new());
}

/// All parts roll back to what their newest snapshot holds. That of the last is refused then: `how` its snapshot is.
fn with_refused_rollback(how: How, together: bool) -> Set {
    let mut set = Set::new([Found::RollsBack; PARTS], together);
    for part in 0..PARTS {
        let mut disk = set.worlds[part].disk.borrow_mut();
        let newest = snap(part, 20, data(20), How::Well);
        disk.snapshots.insert(0, newest);
        disk.memory = Memory::Nothing;
    }
    set.worlds[2].disk.borrow_mut().snapshots[0].fill = how;
    set.services[2].preseed.on_unavailable = OnUnavailable::StartEmpty;
    set
}

#[test]
fn a_part_that_starts_empty_after_a_refused_rollback_is_not_remembered_as_restored() {
    let set = with_refused_rollback(How::Failed, false);
    set.start().unwrap();
    assert_eq!(set.files(1), data(20));
    assert_eq!(set.files(2), Files::new());
    assert_eq!(set.worlds[1].disk.borrow().memory, Memory::Data);
    assert_eq!(set.worlds[2].disk.borrow().memory, Memory::Nothing);
}

#[test]
fn how_a_part_ended_after_a_refused_rollback_counts() {
    let mut set = with_refused_rollback(How::Failed, false);
    for part in 0..2 {
        set.worlds[part] = World::new(Found::Present.disk(part));
    }
    assert_eq!(set.start().unwrap(), Outcome::StartedEmpty);
}

#[test]
fn what_is_older_than_a_refused_rollback_is_told_or_refused() {
    let set = with_refused_rollback(How::Damaged, false);
    assert_eq!(set.start().unwrap(), Outcome::Restored);
    assert_eq!(set.files(2), data(2));
    let told = set.worlds[0].told.borrow().join("\n");
    assert!(told.contains("app.covers is of"), "{told}");

    for how in [How::Damaged, How::Failed] {
        let set = with_refused_rollback(how, true);
        let refused = set.start().unwrap_err().error.to_string();
        assert!(refused.contains("together"), "{refused}");
        assert_eq!(set.files(2), Files::new());
        assert!(set.worlds[2].disk.borrow().staging.is_none());
        assert_eq!(set.worlds[2].disk.borrow().memory, Memory::Nothing);
    }
}

/// What marks a part.
fn mark(set: &Set, part: usize) -> Option<(u64, Mark)> {
    set.worlds[part].disk.borrow().dataset.clone()?.mark
}

fn all_to_be_rolled_back(is_marked: bool, together: bool) -> Set {
    let set = Set::new([Found::RollsBack; PARTS], together);
    for world in set.worlds.iter().filter(|_| !is_marked) {
        let mut disk = world.disk.borrow_mut();
        disk.dataset.as_mut().unwrap().mark = None;
        disk.memory = Memory::Nothing;
    }
    set
}

#[test]
fn a_part_that_is_not_rolled_back_is_marked_as_before() {
    for (is_marked, together) in [(true, false), (true, true), (false, false), (false, true)] {
        let undisturbed = all_to_be_rolled_back(is_marked, together);
        undisturbed.start().unwrap();
        let calls = undisturbed.worlds.iter().map(World::calls);
        for (failing, calls) in calls.enumerate() {
            for call in 1..=calls {
                let set = all_to_be_rolled_back(is_marked, together);
                let before = mark(&set, 0);
                set.worlds[failing].fail_at.set(Some(call));
                let failed = set.start().is_err();
                set.worlds[failing].fail_at.set(None);
                let is_begun = (0..PARTS).any(|part| set.is_in_place(part));
                for part in (0..PARTS).filter(|part| failed && !set.is_in_place(*part)) {
                    // Else the rest tells that what is in place is of the same point.
                    if !(together && is_begun) {
                        assert_eq!(mark(&set, part), before, "call {call} of {failing}");
                    }
                }
                if failed {
                    set.start().unwrap();
                    assert_eq!(undisturbed.state(), set.state(), "call {call} of {failing}");
                }
            }
        }
    }
}

#[test]
fn a_part_that_starts_empty_after_a_refused_rollback_is_marked_as_before() {
    let set = with_refused_rollback(How::Failed, false);
    let before = mark(&set, 2);
    set.start().unwrap();
    assert_eq!(set.files(2), Files::new());
    assert_eq!(mark(&set, 2), before);
}
