//! What an admin asks for of several parts: all come back, or none, wherever the power goes and whatever fails.

mod taken_back;

use ::storage::Result;
use declaration::settings::Check;
use proptest::prelude::*;

use super::{Found, PARTS, Set, data, snap};
use crate::by_hand::{Request, Restored};
use crate::by_hand_set::{offer_of, restore_all};
use crate::chosen::Choice;
use crate::half::Half;
use crate::set_back::{Wanted, bring_all_back, take_back};
use crate::tests::fakes::{Files, How, at};

fn as_of(second: u32) -> Request {
    Request {
        choice: Choice::NotAfter(at(second)),
        tier: None,
        part: None,
    }
}

/// What each part has: of now, and of the snapshot of 10.
fn now(part: usize) -> Files {
    data(100 + number(part))
}

fn then(part: usize) -> Files {
    data(number(part))
}

fn number(part: usize) -> u32 {
    u32::try_from(part).unwrap()
}

impl Set {
    fn or_back<T>(&self, done: std::result::Result<T, Half>) -> Result<T> {
        done.or_else(|half| self.with_parts(true, |parts| Err(take_back(parts, half)))?)
    }

    fn restore_by_hand(&self, request: &Request) -> Result<Vec<Restored>> {
        let offer = self.with_parts(true, |parts| offer_of(parts, request, self.together))??;
        let done = self.with_parts(true, |parts| restore_all(parts, &offer))?;
        self.or_back(done)
    }

    /// Undoes the last restore by hand.
    fn undo(&self) -> Result<()> {
        let wanted = (0..PARTS).map(|part| {
            let disk = self.worlds[part].disk.borrow();
            let last = disk.kept.iter().rev().find(|kept| kept.why != "unused");
            Wanted {
                part: self.services[part].name.to_string(),
                kept: last.map_or_else(String::new, |last| format!("app:kept-{}", last.guid)),
                replaced_at: None,
                mark: None,
            }
        });
        let wanted: Vec<Wanted> = wanted.collect();
        let done = self.with_parts(true, |parts| bring_all_back(parts, &wanted))?;
        self.or_back(done).map(drop)
    }

    fn all(&self) -> Vec<Files> {
        (0..PARTS).map(|part| self.files(part)).collect()
    }

    fn is_all(&self, of: fn(usize) -> Files) -> bool {
        (0..PARTS).all(|part| self.files(part) == of(part))
    }

    fn write(&self, says: u32) {
        for world in &self.worlds {
            let mut disk = world.disk.borrow_mut();
            disk.dataset.as_mut().unwrap().files = data(says);
        }
    }
}

fn present(together: bool) -> Set {
    let set = Set::new([Found::Present; PARTS], together);
    set.start().unwrap();
    set
}

#[test]
fn all_parts_come_back_from_one_point_and_back() {
    let set = present(true);
    let restored = set.restore_by_hand(&as_of(15)).unwrap();
    assert_eq!(restored.len(), PARTS);
    assert!(set.is_all(then), "{:?}", set.all());
    let sets = set.sets();
    assert!(sets[0].is_some() && sets.iter().all(|set| *set == sets[0]));
    set.write(500);
    set.undo().unwrap();
    assert!(set.is_all(now), "{:?}", set.all());
    // What was written since is kept in turn.
    set.undo().unwrap();
    assert!(set.is_all(|_| data(500)), "{:?}", set.all());
    set.undo().unwrap();
    assert!(set.is_all(now), "{:?}", set.all());
    set.start().unwrap();
    assert!(set.is_all(now), "{:?}", set.all());
}

#[test]
fn parts_that_are_to_be_of_one_point_come_from_the_newest_that_all_have() {
    for (newest_of_one, wanted) in [(12, 10), (30, 10)] {
        let set = present(true);
        let further = snap(1, newest_of_one, data(7), How::Well);
        set.worlds[1].disk.borrow_mut().snapshots.insert(0, further);
        set.restore_by_hand(&as_of(2000)).unwrap();
        assert_eq!(wanted, 10);
        assert!(set.is_all(then), "{:?}", set.all());
    }
    // Where they may differ, each is the newest.
    let set = present(false);
    let further = snap(1, 30, data(7), How::Well);
    set.worlds[1].disk.borrow_mut().snapshots.insert(0, further);
    let offer = set.with_parts(true, |parts| offer_of(parts, &as_of(2000), false));
    let differ = offer.unwrap().unwrap().differ.unwrap();
    assert!(differ.contains("20s older than"), "{differ}");
    set.restore_by_hand(&as_of(2000)).unwrap();
    assert_eq!(set.files(1), data(7));
}

#[test]
fn parts_without_a_common_point_are_not_restored_together() {
    let set = present(true);
    set.worlds[1].disk.borrow_mut().snapshots[0] = snap(1, 5, data(1), How::Well);
    let before = set.state();
    let refused = set.restore_by_hand(&as_of(2000)).unwrap_err().to_string();
    assert!(refused.contains("preseedctl list app"), "{refused}");
    assert!(refused.contains("older than"), "{refused}");
    assert_eq!(before, set.state());
}

#[test]
fn a_part_without_a_snapshot_is_named_and_nothing_is_changed() {
    let set = present(false);
    set.worlds[2].disk.borrow_mut().snapshots.clear();
    let before = set.state();
    let refused = set.restore_by_hand(&as_of(2000)).unwrap_err().to_string();
    assert!(refused.starts_with("app.covers: there is no"), "{refused}");
    assert_eq!(before, set.state());
}

#[test]
fn what_was_not_agreed_to_is_not_restored() {
    for together in [false, true] {
        let mut set = present(together);
        set.services[2].preseed.verify = vec![Check::Sqlite("data.db".into())];
        for part in 0..PARTS {
            let newer = snap(part, 20, data(7), How::Well);
            let mut disk = set.worlds[part].disk.borrow_mut();
            disk.snapshots.insert(0, newer);
        }
        // It is offered, and does not pass its checks.
        set.worlds[2].disk.borrow_mut().snapshots[0].check = How::Damaged;
        let before = set.all();
        let refused = set.restore_by_hand(&as_of(2000)).unwrap_err().to_string();
        assert!(refused.starts_with("app.covers: "), "{refused}");
        for told in [
            "(1970-01-01T00:00:20Z) was offered",
            "passed over ",
            "is not sound",
            "`preseedctl restore app --at 1970-01-01T00:00:10Z`",
        ] {
            assert!(refused.contains(told), "{told}: {refused}");
        }
        assert_eq!(set.all(), before);
        // Nothing waits for the next start.
        set.start().unwrap();
        assert_eq!(set.all(), before);
        // What it says to ask for comes back.
        set.restore_by_hand(&as_of(10)).unwrap();
        assert!(set.is_all(then), "{:?}", set.all());
    }
}

#[test]
fn a_set_sorts_after_those_before_whatever_the_clock_says() {
    let set = present(false);
    set.restore_by_hand(&as_of(15)).unwrap();
    let later = "by-hand-9999-01-01T00:00:00.000Z";
    for world in &set.worlds {
        let mut disk = world.disk.borrow_mut();
        let mark = &mut disk.dataset.as_mut().unwrap().mark;
        mark.as_mut().unwrap().1.set = Some(later.to_owned());
    }
    set.restore_by_hand(&as_of(15)).unwrap();
    let sets = set.sets();
    assert!(sets[0].as_deref() > Some(later), "{sets:?}");
    assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
}

#[test]
fn one_part_comes_back_alone_where_they_may_be_of_different_times() {
    let covers = Request {
        part: Some("app.covers".to_owned()),
        ..as_of(15)
    };
    let set = present(false);
    set.restore_by_hand(&covers).unwrap();
    let wanted = [now(0), now(1), then(2)];
    assert_eq!(set.all(), wanted);
    let set = present(true);
    let refused = set.restore_by_hand(&covers).unwrap_err().to_string();
    assert!(refused.contains("`preseedctl restore app`"), "{refused}");
    assert!(set.is_all(now));
}

/// That all of what was there is as it was, or all of it is restored; what was lost is restored in any case.
fn is_whole(set: &Set) -> bool {
    let of = |wanted: fn(usize) -> Files| {
        (0..PARTS).all(|part| match set.found[part] {
            Found::Present => set.files(part) == wanted(part),
            _ => set.files(part) == then(part),
        })
    };
    of(now) || of(then)
}

fn nothing_is_lost(set: &Set) -> bool {
    let has = |part: usize, files: Files| {
        let disk = set.worlds[part].disk.borrow();
        set.files(part) == files || disk.kept.iter().any(|kept| kept.files == files)
    };
    (0..PARTS).all(|part| set.found[part] != Found::Present || has(part, now(part)))
}

fn found() -> impl Strategy<Value = [Found; PARTS]> {
    let one = || {
        prop::sample::select(vec![
            Found::Present,
            Found::Present,
            Found::RollsBack,
            Found::IsCloned,
        ])
    };
    [one(), one(), one()]
}

/// As the power was cut, or a call failed: a set that was mended.
fn as_left(found: [Found; PARTS], together: bool) -> Set {
    let set = Set::new(found, together);
    for world in &set.worlds {
        world.is_mounted.set(true);
    }
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_cut_anywhere_in_a_restore_by_hand_leaves_all_as_it_was_or_all_restored(found in found()) {
        let undisturbed = as_left(found, false);
        undisturbed.restore_by_hand(&as_of(15)).unwrap();
        for part in 0..PARTS {
            for cut in 1..=undisturbed.worlds[part].changes() {
                let set = as_left(found, false);
                set.worlds[part].cut_at.set(Some(cut));
                let done = set.until_the_power_goes(|| set.restore_by_hand(&as_of(15)));
                prop_assert!(done.is_none(), "no cut");
                set.start().unwrap();
                prop_assert!(is_whole(&set), "cut {cut} of {part}: {:?}", set.all());
                prop_assert!(nothing_is_lost(&set), "cut {cut} of {part}");
            }
        }
    }

    #[test]
    fn a_failure_anywhere_in_a_restore_by_hand_leaves_all_as_it_was(found in found()) {
        let undisturbed = as_left(found, false);
        undisturbed.restore_by_hand(&as_of(15)).unwrap();
        for part in 0..PARTS {
            for call in 1..=undisturbed.worlds[part].calls() {
                let set = as_left(found, false);
                let before = set.all();
                set.worlds[part].fail_at.set(Some(call));
                let done = set.restore_by_hand(&as_of(15));
                set.worlds[part].fail_at.set(None);
                if let Err(error) = done {
                    prop_assert_eq!(set.all(), before, "call {} of {}: {}", call, part, error);
                }
                prop_assert!(nothing_is_lost(&set));
                set.start().unwrap();
                prop_assert!(is_whole(&set), "call {call} of {part}: {:?}", set.all());
            }
        }
    }

    #[test]
    fn a_cut_or_a_failure_anywhere_in_an_undo_leaves_all_of_it_undone_or_nothing(together in any::<bool>(), part in 0..PARTS) {
        let restored = |set: &Set| set.restore_by_hand(&as_of(15)).map(drop);
        let undisturbed = present(together);
        restored(&undisturbed).unwrap();
        let (calls, changes) = (undisturbed.worlds[part].calls(), undisturbed.worlds[part].changes());
        undisturbed.undo().unwrap();
        for cut in changes + 1..=undisturbed.worlds[part].changes() {
            let set = present(together);
            restored(&set).unwrap();
            set.worlds[part].cut_at.set(Some(cut));
            prop_assert!(set.until_the_power_goes(|| set.undo()).is_none(), "no cut");
            set.start().unwrap();
            prop_assert!(is_whole(&set), "cut {cut} of {part}: {:?}", set.all());
            prop_assert!(nothing_is_lost(&set));
            if set.is_all(then) {
                // It was not begun, and can be done again.
                set.undo().unwrap();
            }
            prop_assert!(set.is_all(now));
        }
        for call in calls + 1..=undisturbed.worlds[part].calls() {
            let set = present(together);
            restored(&set).unwrap();
            set.worlds[part].fail_at.set(Some(call));
            let done = set.undo();
            set.worlds[part].fail_at.set(None);
            prop_assert!(if done.is_ok() { set.is_all(now) } else { set.is_all(then) }, "call {call} of {part}: {done:?}");
            set.start().unwrap();
            prop_assert!(is_whole(&set));
        }
    }
}
