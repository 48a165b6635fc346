//! A restore or an undo of several parts that fails and is taken back: what it says to be, wherever the power goes.

use ::storage::mark::{Back, Stage};
use ::storage::{Mark, MarkState, Result};
use declaration::settings::Service;
use proptest::prelude::*;

use super::super::{PARTS, Set, data};
use super::{as_of, nothing_is_lost, now, present, then};
use crate::set_back::{Wanted, bring_all_back};
use crate::tests::fakes::{Files, at};
use crate::undo_set::last_restored;

/// Whether a part's mark says that the data is there, and by what; `None`: by a source.
type Known = Option<(bool, Option<String>)>;

/// At which stage a part is, and whether it is empty.
type At = (Option<Stage>, bool);

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

    /// The files of each part, and its mark to the letter.
    fn marked(&self) -> Vec<(Files, Option<Mark>)> {
        let disks = self.worlds.iter().map(|world| world.disk.borrow());
        let of = disks.map(|disk| {
            let dataset = disk.dataset.as_ref().unwrap();
            let mark = dataset.mark.as_ref().map(|(_, mark)| mark.clone());
            (dataset.files.clone(), mark)
        });
        of.collect()
    }

    /// The same, as far as it says whether the data was there: what was lost may come by any source.
    fn known(&self) -> Vec<(Files, Known)> {
        let was_there = |by: &String| !["rollback", "clone"].contains(&by.as_str());
        let known = |mark: Mark| (mark.is_seeded(), Some(mark.by).filter(was_there));
        let all = self.marked().into_iter();
        all.map(|(files, mark)| (files, mark.map(known))).collect()
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

/// At which stage a part may be found: any that a mark has, or without one.
fn any_stage() -> impl Strategy<Value = Option<Stage>> {
    use Stage::{Seeded, Seeding, Staged, Staging, Unpromoted};
    let stages = [Staging, Staged, Seeding, Unpromoted, Seeded];
    prop::option::weighted(0.8, prop::sample::select(stages.to_vec()))
}

/// Parts that are at these stages; and whether they are empty.
fn at_stages(stages: [At; PARTS]) -> Set {
    let set = present(false);
    for (world, (stage, is_empty)) in set.worlds.iter().zip(stages) {
        let mut disk = world.disk.borrow_mut();
        let dataset = disk.dataset.as_mut().unwrap();
        let mark = stage.map(|stage| Mark {
            at: at(1),
            ..Mark::new(stage, "restic", "").in_set(Some("earlier"))
        });
        dataset.mark = mark.map(|mark| (dataset.guid, mark));
        if is_empty {
            dataset.files.clear();
        }
    }
    set
}

/// That these parts are as they were once a restore of them was taken back, since this call of one failed; and that the next
/// start decides as if nobody had asked for anything, wherever the power goes meanwhile.
fn must_be_as_they_were(
    stages: [At; PARTS],
    failing: usize,
    cut_part: usize,
) -> std::result::Result<(), TestCaseError> {
    let left_alone = at_stages(stages);
    let before = left_alone.marked();
    left_alone.start().unwrap();
    let undisturbed = at_stages(stages);
    undisturbed.restore_by_hand(&as_of(15)).unwrap();
    let calls = undisturbed.worlds[failing].calls();
    for call in calls.saturating_sub(8)..=calls {
        let set = at_stages(stages);
        set.worlds[failing].fail_at.set(Some(call));
        let failed = set.restore_by_hand(&as_of(15));
        set.worlds[failing].fail_at.set(None);
        if failed.is_err_and(|error| error.to_string().contains("all parts are as they were")) {
            let now = set.marked();
            let differ: Vec<_> = before
                .iter()
                .zip(&now)
                .filter(|(before, now)| before != now)
                .collect();
            prop_assert!(differ.is_empty(), "call {call} of {failing}: {differ:?}");
        }
        for cut in 1..60 {
            let set = at_stages(stages);
            let is_done = set.fails_and_is_cut((failing, call), (cut_part, cut), || {
                set.restore_by_hand(&as_of(15)).map(drop)
            });
            // The next start then decides as if nobody had asked for anything.
            let is_as_it_was = set.known() == left_alone.known();
            prop_assert!(
                is_as_it_was || set.is_all(then),
                "call {call} of {failing}, cut {cut} of {cut_part}: {:?} {:?}",
                left_alone.known(),
                set.known()
            );
            if is_done {
                break;
            }
        }
    }
    Ok(())
}

#[test]
fn what_was_lost_is_restored_by_the_start_that_takes_an_interrupted_restore_back() {
    let stages = [(None, false), (None, true), (None, false)];
    must_be_as_they_were(stages, 2, 0).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_mark_at_any_stage_is_as_it_was_once_a_restore_is_taken_back(
        stages in [(any_stage(), any::<bool>()), (any_stage(), any::<bool>()), (any_stage(), any::<bool>())],
        failing in 0..PARTS,
        cut_part in 0..PARTS,
    ) {
        must_be_as_they_were(stages, failing, cut_part)?;
    }
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
