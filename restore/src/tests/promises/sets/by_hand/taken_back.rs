//! A restore or an undo of several parts that fails and is taken back: what it says to be, wherever the power goes.

use ::storage::mark::{Back, Stage};
use ::storage::{Mark, MarkState, Result};
use declaration::settings::Service;
use proptest::prelude::*;

use super::super::{PARTS, Set, data};
use super::{as_of, nothing_is_lost, now, present, then};
use crate::set_back::{Wanted, bring_all_back};
use crate::tests::fakes::Files;
use crate::undo_set::last_restored;

impl Set {
    /// The parts (their numbers) that an undo would bring back, and how their data came.
    fn restored_last(&self) -> Vec<(usize, String)> {
        let last = self.with_parts(true, |parts| {
            let last = last_restored(parts).unwrap();
            let last = last.iter().map(|part| {
                let is_it = |service: &Service| service.name == part.context.service.name;
                let MarkState::Ours(mark) = &part.context.observation.mark else {
                    return (PARTS, String::new());
                };
                let number = self.services.iter().position(is_it);
                (number.unwrap(), mark.by.clone())
            });
            last.collect()
        });
        last.unwrap()
    }

    /// Undoes the last restore as `preseedctl undo` finds it.
    fn undo_last(&self) {
        let wanted = self.restored_last().into_iter().map(|(part, by)| {
            let disk = self.worlds[part].disk.borrow();
            let why = format!("before-{by}");
            let last = disk.kept.iter().rev().find(|kept| kept.why == why);
            Wanted {
                part: self.services[part].name.to_string(),
                kept: format!("app:kept-{}", last.unwrap().guid),
                replaced_at: None,
                mark: None,
            }
        });
        let wanted: Vec<Wanted> = wanted.collect();
        let done = self.with_parts(true, |parts| bring_all_back(parts, &wanted));
        done.unwrap().unwrap();
    }

    /// Has this call of a part fail and the power go at this change of another, if there are so many, and starts again.
    /// Gives whether the power did not go.
    fn fails_and_is_cut(
        &self,
        (failing, call): (usize, usize),
        (cut_part, cut): (usize, usize),
        work: impl FnOnce() -> Result<()>,
    ) -> bool {
        let changes = self.worlds[cut_part].changes();
        self.worlds[failing].fail_at.set(Some(call));
        self.worlds[cut_part].cut_at.set(Some(changes + cut));
        let done = self.until_the_power_goes(work);
        self.worlds[failing].fail_at.set(None);
        self.start().unwrap();
        done.is_some()
    }

    /// That all is as `done`, or as it was, and that the next undo is of all parts in either case.
    fn must_be_whole(
        &self,
        done: fn(usize) -> Files,
        last: &[(usize, String)],
        undone: impl Fn(usize) -> Files,
        at: &str,
    ) -> std::result::Result<(), TestCaseError> {
        let was = |_| data(500);
        if self.is_all(done) {
            self.undo_last();
            prop_assert!(self.is_all(was), "{at}, undone: {:?}", self.all());
            return Ok(());
        }
        prop_assert!(self.is_all(was), "{at}");
        prop_assert_eq!(self.restored_last(), last, "{}", at);
        self.undo_last();
        for part in 0..PARTS {
            prop_assert_eq!(self.files(part), undone(part), "{}", at);
        }
        Ok(())
    }
}

#[test]
fn a_mark_says_as_what_the_data_was_brought_back() {
    let mark = Mark::new(Stage::Seeded, "clone", "tank/a b@c").in_set(Some("one"));
    for (back, why) in [
        (Back::Restore("by-hand-two".to_owned()), "before-undo"),
        (Back::Undo("by-hand-two".to_owned()), "before-clone"),
    ] {
        let mark = mark.clone().brought_back(back);
        let read = Mark::read(&mark.bound_to("guid:1"), "guid:1");
        assert_eq!(read, MarkState::Ours(mark.clone()));
        assert_eq!(mark.placed_by(), Some("by-hand-two"));
        assert_eq!(mark.why_kept(), why);
    }
    assert_eq!(mark.placed_by(), Some("one"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_cut_while_a_failed_one_is_taken_back_leaves_all_as_it_was_or_all_restored(
        failing in 0..PARTS,
        cut_part in 0..PARTS,
        unmarked in prop::option::of(0..PARTS),
    ) {
        // It was restored before, and has gone on since.
        let restored = || {
            let set = present(false);
            set.restore_by_hand(&as_of(15)).unwrap();
            set.write(500);
            if let Some(part) = unmarked {
                set.worlds[part].disk.borrow_mut().dataset.as_mut().unwrap().mark = None;
            }
            let last = set.restored_last();
            (set, last)
        };
        let (undisturbed, _) = restored();
        undisturbed.restore_by_hand(&as_of(15)).unwrap();
        let calls = undisturbed.worlds[failing].calls();
        for call in calls.saturating_sub(8)..=calls {
            for cut in 1..60 {
                let (set, last) = restored();
                let is_done = set.fails_and_is_cut((failing, call), (cut_part, cut), || set.restore_by_hand(&as_of(15)).map(drop));
                let at = format!("call {call} of {failing}, cut {cut} of {cut_part}, {unmarked:?}: {:?}", set.all());
                prop_assert!(nothing_is_lost(&set));
                let undone = |part| if unmarked == Some(part) { data(500) } else { now(part) };
                set.must_be_whole(then, &last, undone, &at)?;
                if is_done {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_cut_while_a_failed_undo_is_taken_back_undoes_all_or_nothing(failing in 0..PARTS, cut_part in 0..PARTS) {
        let restored = || {
            let set = present(false);
            set.restore_by_hand(&as_of(15)).unwrap();
            set.write(500);
            let last = set.restored_last();
            (set, last)
        };
        let (undisturbed, _) = restored();
        undisturbed.undo().unwrap();
        let calls = undisturbed.worlds[failing].calls();
        for call in calls.saturating_sub(3)..=calls {
            for cut in 1..60 {
                let (set, last) = restored();
                let is_done = set.fails_and_is_cut((failing, call), (cut_part, cut), || set.undo());
                let at = format!("call {call} of {failing}, cut {cut} of {cut_part}: {:?}", set.all());
                set.must_be_whole(now, &last, now, &at)?;
                if is_done {
                    break;
                }
            }
        }
    }
}
