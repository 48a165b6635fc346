//! Faults that were found once, each as the smallest machine that shows it.

use ::storage::Mark;
use ::storage::mark::{BOOTSTRAP, Stage};

use super::cases::{Case, files, snap};
use crate::decide::Outcome;
use crate::fakes::source::{Filed, Script};
use crate::fakes::{Dataset, EXPECTED, Files, How, Memory, SKELETON, Snap};

/// A dataset that is there, empty, and was never marked.
fn empty_dataset() -> Dataset {
    Dataset {
        guid: 1,
        mark: None,
        files: Files::new(),
        changes: 0,
    }
}

/// It is there, and nothing else.
fn with_an_empty_dataset() -> Case {
    let mut case = Case::empty();
    case.disk.dataset = Some(empty_dataset());
    case
}

fn data(says: u32) -> Files {
    files(&[EXPECTED], says)
}

#[test]
fn two_hundred_empty_snapshots_are_looked_into_once_by_all_tiers_together() {
    let mut case = with_an_empty_dataset();
    for number in 0..201 {
        let empty = snap(&format!("app@{number}"), 1000 - number, Files::new());
        case.disk.snapshots.push(empty);
    }
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Bootstrapped)));
    assert_eq!(machine.world.looks.borrow().len(), 201);
}

#[test]
fn a_snapshot_that_is_destroyed_before_it_is_looked_into_is_never_no_data() {
    let mut case = with_an_empty_dataset();
    case.disk.snapshots = vec![snap("app@0", 1000, data(1))];
    let machine = case.machine();
    let destroyed = &machine.world.destroyed_meanwhile;
    destroyed.borrow_mut().insert("app@0".to_owned());
    let refusal = machine.start().unwrap_err();
    assert!(
        refusal.error.to_string().contains("destroyed"),
        "{refusal:?}"
    );
}

#[test]
fn an_older_one_is_taken_where_a_newer_one_is_destroyed_meanwhile() {
    let mut case = with_an_empty_dataset();
    case.disk.snapshots = vec![snap("app@0", 1000, data(1)), snap("app@1", 900, data(2))];
    let machine = case.machine();
    let destroyed = &machine.world.destroyed_meanwhile;
    destroyed.borrow_mut().insert("app@0".to_owned());
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(2));
}

#[test]
fn a_service_that_runs_is_not_restored() {
    let mut case = with_an_empty_dataset();
    case.disk.snapshots = vec![snap("app@0", 1000, data(1))];
    let machine = case.machine();
    machine.world.runs.set(true);
    assert!(machine.start().is_err());
    assert!(machine.world.files().is_empty());
}

#[test]
fn a_bad_newest_snapshot_is_never_rolled_back_to() {
    let mut case = with_an_empty_dataset();
    case.checks = true;
    case.disk.snapshots = vec![snap("app@0", 1000, data(1)), snap("app@1", 900, data(2))];
    case.disk.snapshots[0].check = How::Damaged;
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(2));
    let mark = machine.mark().unwrap();
    assert_eq!((mark.by.as_str(), mark.from.as_str()), ("clone", "app@1"));
}

#[test]
fn what_is_remembered_outlives_the_dataset() {
    let mut case = Case::empty();
    case.disk.memory = Memory::Data;
    let machine = case.machine();
    let refusal = machine.start().unwrap_err();
    assert!(
        refusal.error.to_string().contains("it had data"),
        "{refusal:?}"
    );
    assert!(machine.mark().is_none());
}

/// It was settled at a first start that there is no data: the dataset is the same, and empty.
fn settled() -> Case {
    let mut case = with_an_empty_dataset();
    let mark = Mark::new(Stage::Seeded, BOOTSTRAP, "");
    case.disk.dataset.as_mut().unwrap().mark = Some((1, mark));
    case.disk.memory = Memory::StartedEmpty(1, 0);
    case
}

fn elsewhere(snapshots: Vec<Snap>) -> Script {
    Script {
        name: "nas",
        answers: true,
        snapshots,
        is_cut_short: false,
        elsewhere: Filed::Nothing,
    }
}

#[test]
fn what_was_settled_stays_so_only_while_no_data_is_seen_anywhere() {
    let mut case = settled();
    let silent = Script {
        answers: false,
        ..elsewhere(Vec::new())
    };
    case.scripts = vec![silent];
    assert!(matches!(case.machine().start(), Ok(Outcome::Bootstrapped)));
    // Now it answers, and has the data, but is locked.
    let mut locked = snap("nas@0", 1000, data(1));
    locked.fill = How::Unavailable;
    case.scripts = vec![elsewhere(vec![locked])];
    assert!(case.machine().start().is_err());
}

#[test]
fn a_first_start_on_what_a_package_makes_is_one_also_after_a_power_cut() {
    let mut case = with_an_empty_dataset();
    case.disk.dataset.as_mut().unwrap().files = files(&[SKELETON], 1);
    let machine = case.machine();
    // After the mark, and before it is remembered.
    machine.world.cut_at.set(Some(2));
    assert!(machine.start_until_the_power_goes().is_none());
    assert!(machine.mark().is_some());
    assert!(matches!(machine.start(), Ok(Outcome::Bootstrapped)));
}

#[test]
fn a_restore_that_brings_only_part_is_passed_over_for_an_older_snapshot() {
    let mut case = with_an_empty_dataset();
    let mut short = snap("nas@0", 1000, files(&[EXPECTED, "other"], 1));
    short.fill = How::Short;
    case.scripts = vec![elsewhere(vec![short, snap("nas@1", 900, data(2))])];
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(2));
}
