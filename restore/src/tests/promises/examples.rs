//! Faults that were found once, each as the smallest machine that shows it.

use ::storage::Mark;
use ::storage::mark::{BOOTSTRAP, Stage};

use super::cases::{Case, files, snap};
use crate::decide::Outcome;
use crate::tests::fakes::source::{Filed, Script};
use crate::tests::fakes::{
    Dataset, EXPECTED, Files, How, Memory, SKELETON, Sealed, Snap, Staging, at,
};

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
    for restores_partly in [false, true] {
        let mut case = with_an_empty_dataset();
        case.restores_partly = restores_partly;
        case.disk.dataset.as_mut().unwrap().files = files(&[SKELETON], 1);
        let machine = case.machine();
        // After the mark, and before it is remembered.
        machine.world.cut_at.set(Some(2));
        assert!(machine.start_until_the_power_goes().is_none());
        assert!(machine.mark().is_some());
        assert!(matches!(machine.start(), Ok(Outcome::Bootstrapped)));
    }
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

/// A complete copy of data that an earlier run has not put in place, sealed over the dataset with this guid as it was
/// after so many changes.
fn with_a_complete_copy(over: (u64, u32)) -> Case {
    let mut case = with_an_empty_dataset();
    let mark = Mark::new(Stage::Staged, "restic", "nas@0");
    case.disk.staging = Some(Staging {
        dataset: Dataset {
            guid: 3,
            mark: Some((3, mark)),
            files: data(3),
            changes: 0,
        },
        snapshots: Vec::new(),
        was_kept: None,
        seal: Some(Sealed {
            over: Some(over),
            taken: at(900),
        }),
    });
    case
}

#[test]
fn a_complete_copy_is_put_in_place_only_over_what_it_was_made_for() {
    let case = with_a_complete_copy((1, 0));
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(3));
    let case = with_a_complete_copy((5, 0));
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Bootstrapped)));
    assert!(machine.world.files().is_empty());
    assert_eq!(machine.world.disk.borrow().kept[0].files, data(3));
}

#[test]
fn a_complete_copy_gives_way_to_newer_data() {
    let mut case = with_a_complete_copy((1, 0));
    case.scripts = vec![elsewhere(vec![snap("nas@1", 1000, data(9))])];
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(9));
    // And not to older.
    case.scripts = vec![elsewhere(vec![snap("nas@1", 800, data(9))])];
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(3));
}

#[test]
fn a_complete_copy_waits_where_somebody_was_there_and_a_source_is_silent() {
    let silent = Script {
        answers: false,
        ..elsewhere(Vec::new())
    };
    let mut case = with_a_complete_copy((1, 0));
    case.scripts = vec![silent.clone()];
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Restored)));
    assert_eq!(machine.world.files(), data(3));
    let mut case = with_a_complete_copy((1, 7));
    case.scripts = vec![silent];
    let machine = case.machine();
    assert!(machine.start().is_err());
    assert!(machine.world.files().is_empty());
    assert!(machine.world.disk.borrow().staging.is_some());
}

#[test]
fn a_dataset_that_is_not_mounted_is_never_taken_for_empty() {
    let mut case = with_an_empty_dataset();
    case.disk.snapshots = vec![snap("app@0", 1000, data(1))];
    let machine = case.machine();
    // Nobody has run the helper for datasets.
    let plan = machine.plan().unwrap();
    assert!(!plan.starts, "{}", plan.text);
    assert!(plan.text.contains("not mounted"), "{}", plan.text);
}

#[test]
fn an_older_snapshot_is_never_taken_because_a_newer_one_cannot_be_had_for_the_moment() {
    for how in [How::Failed, How::Unavailable] {
        let mut case = with_an_empty_dataset();
        let newer = snap("nas@0", 1000, data(1));
        let older = snap("nas@1", 900, data(2));
        let refuses = |newer: Snap, case: &mut Case| {
            case.scripts = vec![elsewhere(vec![newer, older.clone()])];
            let machine = case.machine();
            machine.start().unwrap_err();
            assert!(machine.world.files().is_empty(), "{how:?}");
        };
        refuses(
            Snap {
                look: how,
                ..newer.clone()
            },
            &mut case,
        );
        refuses(
            Snap {
                fill: how,
                ..newer.clone()
            },
            &mut case,
        );
        case.checks = true;
        refuses(
            Snap {
                check: how,
                ..newer
            },
            &mut case,
        );
    }
}

#[test]
fn a_list_whose_rest_cannot_be_read_is_never_its_end() {
    let mut case = with_an_empty_dataset();
    let empty = snap("nas@0", 1000, Files::new());
    let mut cut_short = elsewhere(vec![empty, snap("nas@1", 900, data(2))]);
    cut_short.is_cut_short = true;
    case.scripts = vec![cut_short];
    assert!(case.machine().start().is_err());
}

#[test]
fn no_more_than_max_candidates_of_one_source_are_tried() {
    let mut case = with_an_empty_dataset();
    let mut all: Vec<Snap> = (0..4)
        .map(|number| snap(&format!("nas@{number}"), 1000 - number, data(number)))
        .collect();
    for damaged in &mut all[..3] {
        damaged.fill = How::Damaged;
    }
    case.scripts = vec![elsewhere(all)];
    let refusal = case.machine().start().unwrap_err();
    let told = refusal.error.to_string();
    assert!(
        told.contains("`max-candidates` ended the search after 3"),
        "{told}"
    );
}

#[test]
fn a_plan_promises_no_rollback_that_would_destroy_a_newer_snapshot() {
    let mut case = with_an_empty_dataset();
    case.only_rolls_back = true;
    case.disk.snapshots = vec![
        snap("app@0", 1000, Files::new()),
        snap("app@1", 900, data(2)),
    ];
    let machine = case.machine();
    machine.boot();
    let plan = machine.plan().unwrap();
    assert!(!plan.starts, "{}", plan.text);
    assert!(plan.text.contains("would destroy app@0"), "{}", plan.text);
    assert!(machine.start().is_err());
}

#[test]
fn data_that_nothing_is_known_of_is_marked_and_left_alone() {
    let mut case = with_an_empty_dataset();
    case.disk.dataset.as_mut().unwrap().files = data(7);
    case.disk.snapshots = vec![snap("app@0", 1000, data(1))];
    let machine = case.machine();
    assert!(matches!(machine.start(), Ok(Outcome::Adopted)));
    assert_eq!(machine.world.files(), data(7));
    assert_eq!(machine.mark().unwrap().by, "adopted");
    assert!(matches!(machine.start(), Ok(Outcome::Present)));
}

#[test]
fn no_service_starts_empty_over_what_is_partly_there() {
    let mut case = with_an_empty_dataset();
    case.disk.dataset.as_mut().unwrap().files = files(&["other"], 7);
    case.restores_partly = true;
    case.starts_empty = true;
    case.scripts = vec![Script {
        answers: false,
        ..elsewhere(Vec::new())
    }];
    let machine = case.machine();
    assert!(machine.start().is_err());
    assert_eq!(machine.world.files(), files(&["other"], 7));
}
