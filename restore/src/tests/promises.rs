//! What a restore promises, held against thousands of machines in memory: whatever lies there, whatever the sources
//! answer, whatever fails, and wherever the power goes.

mod by_hand;
mod cases;
mod drills;
mod examples;
mod oracle;
mod sets;

use ::storage::mark::BOOTSTRAP;
use proptest::prelude::*;

use self::cases::{Case, any_case};
use self::oracle::{Evidence, evidence, winner};
use crate::decide::Outcome;
use crate::tests::fakes::{EXPECTED, Files, Memory, SKELETON};

/// What is left that somebody could miss, wherever it lies.
fn everything(case: &cases::Machine) -> Vec<Files> {
    let disk = case.world.disk.borrow();
    let there = disk.dataset.iter().map(|dataset| &dataset.files);
    let kept = disk.kept.iter().map(|kept| &kept.files);
    let snapshots = disk.snapshots.iter().map(|snap| &snap.files);
    let kept_snapshots = disk.kept.iter().flat_map(|kept| &kept.snapshots);
    let kept_snapshots = kept_snapshots.map(|snap| &snap.files);
    let staged = disk.staging.iter().flat_map(|staging| &staging.snapshots);
    let staged = staged.map(|snap| &snap.files);
    let all = there.chain(kept).chain(snapshots);
    let all = all.chain(kept_snapshots).chain(staged);
    all.filter(|files| !files.is_empty()).cloned().collect()
}

/// What may be replaced: nothing, or what a package makes where nothing is known of it.
fn is_somebodys(case: &Case) -> bool {
    let Some(dataset) = &case.disk.dataset else {
        return false;
    };
    let is_hollow = dataset.files.keys().all(|name| name == SKELETON);
    let own_mark = dataset
        .mark
        .as_ref()
        .filter(|(guid, _)| *guid == dataset.guid);
    let is_remembered = case.disk.memory != Memory::Nothing;
    let is_known = own_mark.is_some_and(|(_, mark)| mark.by != BOOTSTRAP || is_remembered);
    !dataset.files.is_empty() && (is_known || !is_hollow)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn it_never_restores_over_data(case in any_case()) {
        let machine = case.machine();
        let before = everything(&machine);
        let _ = machine.start();
        let after = everything(&machine);
        for files in before {
            prop_assert!(after.contains(&files), "{files:?} is gone");
        }
        let now = machine.world.files();
        let was = case.disk.dataset.as_ref().map(|dataset| dataset.files.clone()).unwrap_or_default();
        if was.contains_key(EXPECTED) || (is_somebodys(&case) && !case.restores_partly) {
            prop_assert_eq!(was, now);
        }
    }

    #[test]
    fn it_never_starts_empty_while_a_source_may_hold_the_data(case in any_case()) {
        let machine = case.machine();
        let started = machine.start();
        let evidence = evidence(&case);
        if let Ok(Outcome::Bootstrapped) = started {
            prop_assert!(evidence < Evidence::Seen, "{evidence:?}");
            prop_assert!(evidence < Evidence::Unknown || case.is_settled(), "{evidence:?}");
            prop_assert!(!case.had_data(), "it had data");
        }
        if let Ok(Outcome::StartedEmpty) = started {
            prop_assert!(case.starts_empty && !is_somebodys(&case));
            // It is asked again at each start.
            let mark_before = case.disk.dataset.as_ref().and_then(|dataset| dataset.mark.clone());
            prop_assert_eq!(machine.mark(), mark_before.map(|(_, mark)| mark));
        }
        // Whoever starts has its data, or starts empty as above.
        if let Ok(Outcome::Present | Outcome::Adopted | Outcome::Restored) = started {
            prop_assert!(machine.world.files().contains_key(EXPECTED));
        }
    }

    #[test]
    fn what_can_be_restored_is_restored_and_nothing_older(case in any_case()) {
        prop_assume!(case.is_to_be_restored() && !case.has_a_complete_copy());
        prop_assume!(!case.only_rolls_back);
        let machine = case.machine();
        let started = machine.start();
        match winner(&case) {
            Some(snap) => {
                prop_assert!(matches!(started, Ok(Outcome::Restored)), "{started:?}, not {snap:?}");
                prop_assert_eq!(&machine.world.files(), &snap.files);
                prop_assert_eq!(machine.mark().map(|mark| mark.from), Some(snap.name));
            }
            None => prop_assert!(!matches!(started, Ok(Outcome::Restored)), "{:?}", machine.mark()),
        }
        let is_clean = machine.world.disk.borrow().staging.is_none();
        prop_assert!(is_clean || case.disk.staging.is_some(), "a copy is left");
    }

    #[test]
    fn a_plan_changes_nothing_and_promises_what_a_run_does(case in any_case()) {
        let machine = case.machine();
        // The helper for datasets has run.
        machine.boot();
        let before = machine.world.disk.borrow().clone();
        let plan = machine.plan().unwrap();
        prop_assert_eq!(&before, &*machine.world.disk.borrow());
        if case.nothing_fails_while_it_is_brought() {
            let run = machine.start();
            prop_assert_eq!(plan.starts, run.is_ok(), "{}{:?}", plan.text, run);
        }
    }

    #[test]
    fn each_snapshot_of_this_machine_is_looked_into_once(case in any_case()) {
        let machine = case.machine();
        let _ = machine.start();
        let mut looks = machine.world.looks.borrow().clone();
        looks.retain(|name| name.starts_with("app@"));
        let all = looks.len();
        looks.sort();
        looks.dedup();
        prop_assert_eq!(all, looks.len());
    }

    #[test]
    fn a_start_with_data_looks_into_nothing_and_asks_nobody(case in any_case()) {
        let case = case.with_its_data();
        let machine = case.machine();
        prop_assert!(machine.start().is_ok());
        prop_assert!(machine.world.looks.borrow().is_empty());
        prop_assert_eq!(machine.world.questions.get(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_power_cut_anywhere_ends_as_if_there_had_been_none(case in any_case()) {
        let undisturbed = case.machine();
        let started = undisturbed.start();
        let before = everything(&case.machine());
        for cut in 1..=undisturbed.world.changes() {
            let machine = case.machine();
            machine.world.cut_at.set(Some(cut));
            prop_assert!(machine.start_until_the_power_goes().is_none(), "no cut at {cut}");
            for files in &before {
                prop_assert!(everything(&machine).contains(files), "{files:?} is gone at {cut}");
            }
            let again = machine.start();
            prop_assert_eq!(started.is_ok(), again.is_ok(), "cut at {}: {:?}", cut, again);
            prop_assert_eq!(undisturbed.state(), machine.state(), "cut at {}", cut);
        }
    }

    #[test]
    fn a_second_cut_changes_nothing_of_that(case in any_case(), first in 1_usize..12, second in 1_usize..8) {
        let undisturbed = case.machine();
        let started = undisturbed.start();
        let machine = case.machine();
        for cut in [first, second] {
            machine.world.cut_at.set(Some(machine.world.changes() + cut));
            if let Some(ended) = machine.start_until_the_power_goes() {
                // It was over before.
                prop_assert_eq!(started.is_ok(), ended.is_ok(), "{:?}", ended);
                prop_assert_eq!(undisturbed.state(), machine.state());
                return Ok(());
            }
        }
        let again = machine.start();
        prop_assert_eq!(started.is_ok(), again.is_ok(), "{:?}", again);
        prop_assert_eq!(undisturbed.state(), machine.state());
    }

    #[test]
    fn a_failure_anywhere_destroys_nothing_and_is_never_taken_for_no_data(case in any_case()) {
        let undisturbed = case.machine();
        let started = undisturbed.start();
        let before = everything(&case.machine());
        for failing in 1..=undisturbed.world.calls() {
            let machine = case.machine();
            machine.world.fail_at.set(Some(failing));
            let failed = machine.start();
            for files in &before {
                prop_assert!(everything(&machine).contains(files), "{files:?} is gone at {failing}");
            }
            // It was settled before that there is none: who cannot be asked changes nothing of that.
            if matches!(failed, Ok(Outcome::Bootstrapped)) && !case.is_settled() {
                prop_assert!(matches!(started, Ok(Outcome::Bootstrapped)), "call {failing}: {started:?}");
            }
            machine.world.fail_at.set(None);
            if failed.is_err() {
                let again = machine.start();
                prop_assert_eq!(started.is_ok(), again.is_ok(), "call {}: {:?}", failing, again);
                prop_assert_eq!(undisturbed.state(), machine.state(), "call {}", failing);
            }
        }
    }

    #[test]
    fn what_somebody_writes_meanwhile_is_never_replaced(case in any_case()) {
        prop_assume!(case.is_to_be_restored() && !case.has_a_complete_copy());
        let machine = case.machine();
        let written = Files::from([(EXPECTED.to_owned(), 999)]);
        *machine.world.writes_meanwhile.borrow_mut() = Some(written.clone());
        let started = machine.start();
        if machine.world.writes_meanwhile.borrow().is_none() {
            prop_assert!(started.is_err());
            prop_assert_eq!(machine.world.files(), written);
        }
    }
}
