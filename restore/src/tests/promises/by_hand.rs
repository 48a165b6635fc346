//! What an admin asks for: whatever lies there, whatever fails, and wherever the power goes.

use ::storage::Error;
use declaration::value::TierName;
use proptest::prelude::*;

use super::cases::{Case, Machine, any_case, files, snap};
use super::everything;
use crate::by_hand::{self, Offer, Request, Restored};
use crate::chosen::Choice;
use crate::executor::{Goal, bring};
use crate::source::Source;
use crate::source::list;
use crate::tests::fakes::source::{Filed, Script};
use crate::tests::fakes::{Dataset, EXPECTED, How, at, until_the_power_goes};

fn as_of(second: u32) -> Request {
    Request {
        choice: Choice::NotAfter(at(second)),
        tier: None,
        part: None,
    }
}

impl Machine<'_> {
    fn restore_by_hand(&self, request: &Request) -> Result<Restored, Error> {
        let offer = self.offer_by_hand(request)?;
        self.restore_offered(request, &offer)
    }

    fn restore_offered(&self, request: &Request, offer: &Offer) -> Result<Restored, Error> {
        self.look(|context, _| {
            let mut sources: Vec<Box<dyn Source + '_>> = list::by_hand(context, request.tier);
            sources.extend(self.scripted());
            by_hand::restore_on(context, &sources, request, offer)
        })
        .map_err(|refusal| refusal.error)?
    }

    fn offer_by_hand(&self, request: &Request) -> Result<Offer, Error> {
        self.look(|context, _| {
            let mut sources: Vec<Box<dyn Source + '_>> = list::by_hand(context, request.tier);
            sources.extend(self.scripted());
            by_hand::offer_on(context, &sources, request, &mut |source, snapshot| {
                bring(context, source, snapshot, Goal::Possible)
            })
        })
        .map_err(|refusal| refusal.error)?
    }
}

/// With data of now, local snapshots of 900 and 700, and one of 800 elsewhere.
fn with_data() -> Case {
    let mut case = Case::empty();
    case.prefers_newest = true;
    case.disk.dataset = Some(Dataset {
        guid: 1,
        mark: None,
        files: files(&[EXPECTED], 1000),
        changes: 0,
    });
    let data = |says| files(&[EXPECTED], says);
    case.disk.snapshots = vec![snap("app@9", 900, data(900)), snap("app@7", 700, data(700))];
    case.scripts = vec![Script {
        name: "elsewhere",
        answers: true,
        snapshots: vec![snap("eight", 800, data(800))],
        is_cut_short: false,
        elsewhere: Filed::Nothing,
    }];
    case
}

#[test]
fn the_newest_of_all_tiers_that_is_not_younger_is_restored() {
    for (second, wanted) in [(2000, 900), (900, 900), (899, 800), (799, 700)] {
        let case = with_data();
        let machine = case.machine();
        machine.boot();
        let offer = machine.offer_by_hand(&as_of(second)).unwrap();
        assert_eq!(machine.world.files(), files(&[EXPECTED], 1000));
        assert_eq!(offer.snapshot.taken, at(wanted));
        let restored = machine.restore_by_hand(&as_of(second)).unwrap();
        assert_eq!(machine.world.files(), files(&[EXPECTED], wanted));
        assert!(restored.kept.is_some());
        let disk = machine.world.disk.borrow();
        assert_eq!(disk.kept[0].files, files(&[EXPECTED], 1000));
    }
}

#[test]
fn the_neighbours_of_what_is_offered_are_told() {
    let case = with_data();
    let offer = case.machine().offer_by_hand(&as_of(850)).unwrap();
    assert_eq!(offer.snapshot.name, "eight");
    assert_eq!(offer.earlier.unwrap().name, "app@7");
    assert_eq!(offer.later.unwrap().name, "app@9");
}

#[test]
fn a_snapshot_without_the_data_is_passed_over_for_an_older_one() {
    let mut case = with_data();
    case.disk.snapshots[0].files.clear();
    case.scripts[0].snapshots[0].files = files(&["other"], 1);
    let machine = case.machine();
    machine.boot();
    let offer = machine.offer_by_hand(&as_of(2000)).unwrap();
    assert_eq!(offer.snapshot.name, "app@7");
    assert_eq!(offer.passed_over.len(), 2);
    machine.restore_by_hand(&as_of(2000)).unwrap();
    assert_eq!(machine.world.files(), files(&[EXPECTED], 700));
}

#[test]
fn an_older_one_than_was_agreed_to_is_not_restored() {
    let mut case = with_data();
    case.checks = true;
    // It is offered, and does not pass its checks.
    case.disk.snapshots[0].check = How::Damaged;
    let machine = case.machine();
    machine.boot();
    let error = machine.restore_by_hand(&as_of(2000)).unwrap_err();
    let error = error.to_string();
    for told in [
        "app@9 (1970-01-01T00:15:00Z) was offered, and it would be ",
        "passed over ",
        "`preseedctl restore app --at 1970-01-01T00:13:20Z`",
    ] {
        assert!(error.contains(told), "{told}: {error}");
    }
    assert_eq!(machine.world.files(), files(&[EXPECTED], 1000));
    assert!(machine.world.disk.borrow().kept.is_empty());
    machine.restore_by_hand(&as_of(800)).unwrap();
    assert_eq!(machine.world.files(), files(&[EXPECTED], 800));
}

#[test]
fn a_source_that_cannot_be_asked_is_told_and_does_not_stop_it() {
    let mut case = with_data();
    case.scripts[0].answers = false;
    let offer = case.machine().offer_by_hand(&as_of(850)).unwrap();
    assert_eq!(offer.snapshot.name, "app@7");
    assert!(offer.not_asked[0].contains("elsewhere"), "{offer:?}");
}

#[test]
fn nothing_that_is_old_enough_changes_nothing() {
    let case = with_data();
    let machine = case.machine();
    machine.boot();
    let before = machine.world.disk.borrow().clone();
    let error = machine.restore_by_hand(&as_of(600)).unwrap_err();
    assert!(error.to_string().contains("preseedctl list app"), "{error}");
    assert_eq!(*machine.world.disk.borrow(), before);
}

#[test]
fn a_service_that_runs_is_not_restored_below() {
    let case = with_data();
    let machine = case.machine();
    machine.boot();
    machine.world.runs.set(true);
    let error = machine.restore_by_hand(&as_of(2000)).unwrap_err();
    assert!(error.to_string().contains("add --stop"), "{error}");
    assert_eq!(machine.world.files(), files(&[EXPECTED], 1000));
}

#[test]
fn a_local_snapshot_is_cloned_where_only_a_rollback_is_declared() {
    let mut case = with_data();
    case.only_rolls_back = true;
    let machine = case.machine();
    machine.boot();
    let request = Request {
        choice: Choice::Named("app@7".to_owned()),
        tier: Some(TierName::Snapshot),
        part: None,
    };
    machine.restore_by_hand(&request).unwrap();
    assert_eq!(machine.world.files(), files(&[EXPECTED], 700));
    let names: Vec<String> = everything(&machine)
        .iter()
        .map(|files| format!("{files:?}"))
        .collect();
    assert!(names.iter().any(|files| files.contains("900")), "{names:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_restore_by_hand_loses_nothing_whatever_fails(case in any_case(), second in 0_u32..2000, fail in 1_usize..40) {
        let machine = case.machine();
    machine.boot();
        let before = everything(&machine);
        if let Ok(offer) = machine.offer_by_hand(&as_of(second)) {
            machine.world.fail_at.set(Some(machine.world.calls() + fail));
            let _ = machine.restore_offered(&as_of(second), &offer);
        }
        let after = everything(&machine);
        for files in before {
            prop_assert!(after.contains(&files), "{files:?} is gone");
        }
    }

    #[test]
    fn a_power_cut_in_a_restore_by_hand_loses_nothing(case in any_case(), cut in 1_usize..12) {
        let machine = case.machine();
    machine.boot();
        let before = everything(&machine);
        if let Ok(offer) = machine.offer_by_hand(&as_of(2000)) {
            machine.world.cut_at.set(Some(machine.world.changes() + cut));
            let _ = until_the_power_goes(|| machine.restore_offered(&as_of(2000), &offer));
        }
        machine.world.cut_at.set(None);
        machine.world.is_mounted.set(false);
        let _ = machine.start();
        let after = everything(&machine);
        for files in before {
            prop_assert!(after.contains(&files), "{files:?} is gone");
        }
    }
}
