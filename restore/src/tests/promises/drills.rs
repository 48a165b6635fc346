//! What a drill shows, and that it leaves nothing behind.

use std::time::Duration;

use ::storage::mark::Stage;
use ::storage::{Contents, Mark, Observation};
use declaration::value::TierName;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::cases::{Case, Machine, any_case, files, snap};
use crate::context::Context;
use crate::drill::{self, Order, drill_on};
use crate::proof::{Drilled, Drills, Outcome, Which};
use crate::source::Sample;
use crate::source::list::sources;
use crate::tests::fakes::source::{Filed, Script};
use crate::tests::fakes::{Dataset, EXPECTED, How, Memory};

const ALL: Order = Order {
    tier: None,
    by_hand: false,
};

impl Machine<'_> {
    /// Drills all sources, as far as it comes.
    fn drill(&self, order: Order, known: &Drills) -> Vec<Drilled> {
        self.drill_up_to(u64::MAX, order, known)
    }

    /// The same, where no more may be copied.
    fn drill_up_to(&self, max_size: u64, order: Order, known: &Drills) -> Vec<Drilled> {
        let mut results = Vec::new();
        let drilled = self.look(|context, _| {
            let observation = Observation {
                contents: Contents::default(),
                ..context.observation.clone()
            };
            let mut service = context.service.clone();
            service.drill.max_size = max_size;
            let (storage, machine) = (context.storage, context.machine);
            let context = Context::new(&service, storage, &observation, machine).of_a_drill();
            let mut all = sources(&context);
            all.extend(self.scripted());
            drill_on(&context, &all, order, known, &mut |result| {
                results.push(result.clone());
                Ok(())
            })
        });
        drilled.unwrap().unwrap();
        results
    }
}

/// With data of now, three local snapshots, and three of a repository; all is well.
fn sound() -> Case {
    let mut case = Case::empty();
    case.checks = true;
    case.disk.dataset = Some(Dataset {
        guid: 1,
        mark: None,
        files: files(&[EXPECTED], 1000),
        changes: 0,
    });
    let snaps = |prefix: &str| {
        let one = |second| {
            let name = format!("{prefix}{second}");
            snap(&name, second, files(&[EXPECTED], second))
        };
        [900, 800, 700].map(one).to_vec()
    };
    case.disk.snapshots = snaps("app@");
    case.scripts = vec![Script {
        name: "nas",
        answers: true,
        snapshots: snaps("nas@"),
        is_cut_short: false,
        elsewhere: Filed::Nothing,
    }];
    case
}

/// Tier, which one, snapshot and outcome of each.
fn told(results: &[Drilled]) -> Vec<[&str; 4]> {
    let told = results.iter().map(|result| {
        [
            result.tier.as_str(),
            result.which.word(),
            result.snapshot.as_deref().unwrap_or("-"),
            result.outcome.word(),
        ]
    });
    told.collect()
}

#[test]
fn of_each_tier_the_newest_is_drilled_and_the_others_in_turn() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    let mut known = Drills::default();
    let first = machine.drill(ALL, &known);
    assert_eq!(
        told(&first),
        [
            ["rollback", "newest", "app@900", "proven"],
            ["snapshot", "newest", "app@900", "proven"],
            ["snapshot", "middle", "app@800", "proven"],
            ["restic", "newest", "nas@900", "proven"],
            ["restic", "middle", "nas@800", "proven"],
        ]
    );
    assert!(drill::is_well(&first));
    assert_eq!(
        first.iter().map(|it| it.is_estimate).collect::<Vec<_>>(),
        [true, false, false, false, false]
    );
    for result in first {
        known.add(result);
    }
    let order = Order {
        tier: Some(TierName::Snapshot),
        by_hand: true,
    };
    assert_eq!(
        told(&machine.drill(order, &known)),
        [
            ["snapshot", "newest", "app@900", "proven"],
            ["snapshot", "oldest", "app@700", "proven"],
        ]
    );
}

#[test]
fn in_two_weeks_of_drills_the_older_ones_come_in_turn_and_a_repository_as_often_as_it_says() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    let week = Duration::from_hours(7 * 24);
    machine.world.pause_between_drills.set(Some(week));
    let mut known = Drills::default();
    let (mut locally, mut elsewhere) = (Vec::new(), Vec::new());
    for day in 0..15 {
        // Since yesterday, a day has passed.
        for earlier in &mut known.results {
            earlier.drilled -= SignedDuration::from_hours(24);
        }
        let results = machine.drill(ALL, &known);
        for result in results {
            match (result.tier.as_str(), result.which) {
                ("snapshot", Which::Middle | Which::Oldest) => locally.push(result.which),
                ("restic", Which::Newest) => elsewhere.push(day),
                _ => {}
            }
            known.add(result);
        }
    }
    let in_turn = [Which::Middle, Which::Oldest].into_iter().cycle();
    assert_eq!(locally, in_turn.take(15).collect::<Vec<_>>());
    assert_eq!(elsewhere, [0, 7, 14]);
    // Whoever asks for it gets it.
    let order = Order {
        tier: None,
        by_hand: true,
    };
    assert_eq!(machine.drill(order, &known).len(), 5);
}

#[test]
fn what_is_wrong_with_the_newest_is_named_and_what_holds_nothing_is_no_candidate() {
    for (damage, outcome, is_well) in [
        (0, "failed", false),
        (1, "failed", false),
        (2, "failed", false),
        (3, "not-drilled", false),
        (4, "failed", false),
        (5, "proven", true),
    ] {
        let mut case = sound();
        let newest = &mut case.scripts[0].snapshots[0];
        match damage {
            0 => newest.look = How::Damaged,
            1 => newest.fill = How::Damaged,
            2 => newest.check = How::Damaged,
            3 => newest.fill = How::Unavailable,
            4 => newest.files = files(&["other"], 1),
            _ => newest.files.clear(),
        }
        let machine = case.machine();
        machine.boot();
        let results = machine.drill(ALL, &Drills::default());
        let of_newest = results
            .iter()
            .find(|it| it.tier == "restic" && it.which == Which::Newest)
            .unwrap();
        let snapshot = if damage == 5 { "nas@800" } else { "nas@900" };
        assert_eq!(
            (of_newest.outcome.word(), of_newest.snapshot.as_deref()),
            (outcome, Some(snapshot)),
            "{damage}"
        );
        assert_eq!(drill::is_well(&results), is_well, "{damage}");
    }
}

#[test]
fn an_older_one_that_is_damaged_breaks_no_promise() {
    let mut case = sound();
    case.scripts[0].snapshots[1].fill = How::Damaged;
    let machine = case.machine();
    machine.boot();
    let results = machine.drill(ALL, &Drills::default());
    assert_eq!(told(&results)[4], ["restic", "middle", "nas@800", "failed"]);
    assert!(drill::is_well(&results));
}

#[test]
fn a_source_that_cannot_be_asked_or_has_nothing_is_told() {
    let mut case = sound();
    case.scripts[0].answers = false;
    case.disk.snapshots.clear();
    let machine = case.machine();
    machine.boot();
    let results = machine.drill(ALL, &Drills::default());
    assert_eq!(
        told(&results),
        [
            ["rollback", "newest", "-", "not-drilled"],
            ["snapshot", "newest", "-", "not-drilled"],
            ["restic", "newest", "-", "not-drilled"],
        ]
    );
    assert!(!drill::is_well(&results));
    case.scripts[0].answers = true;
    case.scripts[0].snapshots.clear();
    let machine = case.machine();
    machine.boot();
    // Nothing is wrong with a service that has no snapshot yet.
    assert!(drill::is_well(&machine.drill(ALL, &Drills::default())));
}

#[test]
fn a_source_that_has_lost_all_its_snapshots_is_not_well() {
    let mut case = sound();
    let mut known = Drills::default();
    let machine = case.machine();
    machine.boot();
    for result in machine.drill(ALL, &known) {
        known.add(result);
    }
    case.disk.snapshots.clear();
    case.scripts[0].snapshots.clear();
    // Nor is it when it is drilled again.
    for _ in 0..2 {
        let machine = case.machine();
        machine.boot();
        let results = machine.drill(ALL, &known);
        assert_eq!(
            told(&results),
            [
                ["rollback", "newest", "app@900", "not-drilled"],
                ["snapshot", "newest", "app@800", "not-drilled"],
                ["restic", "newest", "nas@800", "not-drilled"],
            ]
        );
        for result in results {
            let is_alone = [result.clone()];
            assert!(!drill::is_well(&is_alone), "{result:?}");
            known.add(result);
        }
    }
}

#[test]
fn what_was_restored_since_has_no_snapshot_yet_and_is_well() {
    let mut case = sound();
    case.disk.memory = Memory::Data;
    let mut known = Drills::default();
    let drill = |case: &Case, known: &mut Drills| {
        for earlier in &mut known.results {
            earlier.drilled -= SignedDuration::from_hours(24);
        }
        let machine = case.machine();
        machine.boot();
        let results = machine.drill(ALL, known);
        for result in &results {
            known.add(result.clone());
        }
        results
    };
    drill(&case, &mut known);
    let snapshots = std::mem::take(&mut case.disk.snapshots);
    for (by, is_well) in [("adopted", false), ("rollback", false), ("restic", true)] {
        let mark = Mark::new(Stage::Seeded, by, "nas@900");
        case.disk.dataset.as_mut().unwrap().mark = Some((1, mark));
        // However often it is drilled.
        for _ in 0..2 {
            let results = drill(&case, &mut known.clone());
            let why = results[1].outcome.why().unwrap();
            assert_eq!(drill::is_well(&results), is_well, "{by}: {why}");
            assert_eq!(why.starts_with("it was restored since"), is_well, "{why}");
        }
    }
    // What lies elsewhere does not go with the storage that was replaced.
    for name in ["nas", "replica vault"] {
        let mut case = case.clone();
        let mut known = Drills::default();
        case.disk.snapshots = snapshots.clone();
        case.scripts[0].name = name;
        drill(&case, &mut known);
        let mark = Mark::new(Stage::Seeded, "clone", "app@900");
        case.disk.dataset.as_mut().unwrap().mark = Some((1, mark));
        case.scripts[0].snapshots.clear();
        assert!(!drill::is_well(&drill(&case, &mut known)), "{name}");
    }
    // Once there was one again, and was drilled, it is missed.
    case.disk.snapshots = snapshots;
    drill(&case, &mut known);
    let restored = case.disk.dataset.as_mut().unwrap().mark.as_mut().unwrap();
    restored.1.at -= SignedDuration::from_hours(48);
    case.disk.snapshots.clear();
    assert!(!drill::is_well(&drill(&case, &mut known)));
}

#[test]
fn what_may_be_the_data_under_another_name_or_cannot_be_told_is_not_well() {
    for (elsewhere, outcome) in [(Filed::Doubt, "failed"), (Filed::Unknown, "not-drilled")] {
        let mut case = sound();
        case.scripts[0].snapshots.clear();
        case.scripts[0].elsewhere = elsewhere;
        let machine = case.machine();
        machine.boot();
        let results = machine.drill(ALL, &Drills::default());
        assert_eq!(told(&results)[3], ["restic", "newest", "-", outcome]);
        assert!(!drill::is_well(&results));
    }
}

#[test]
fn a_snapshot_that_is_destroyed_meanwhile_is_not_missed() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    let gone = "app@900".to_owned();
    machine.world.destroyed_meanwhile.borrow_mut().insert(gone);
    let results = machine.drill(ALL, &Drills::default());
    assert_eq!(
        told(&results)[0],
        ["rollback", "newest", "app@800", "proven"]
    );
    assert!(drill::is_well(&results));
}

#[test]
fn what_is_too_large_is_not_copied_and_a_clone_copies_nothing() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    let results = machine.drill_up_to(0, ALL, &Drills::default());
    let outcomes: Vec<&str> = results.iter().map(|it| it.outcome.word()).collect();
    assert_eq!(
        outcomes,
        ["proven", "proven", "proven", "not-drilled", "not-drilled"]
    );
    assert!(drill::is_well(&results));
}

#[test]
fn only_a_drill_that_moves_data_keeps_others_waiting() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    let of = |tier| Order {
        tier: Some(tier),
        by_hand: true,
    };
    let only = machine.slots.path().join("slots/drill");
    machine.drill(of(TierName::Snapshot), &Drills::default());
    assert!(!only.exists());
    machine.drill(of(TierName::Restic), &Drills::default());
    let holder = std::fs::read_to_string(only).unwrap();
    assert!(holder.starts_with("a drill of app, process "), "{holder}");
}

#[test]
fn a_sample_that_nothing_restores_proves_nothing() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    // What is scripted is no source that the service declares.
    machine.world.sample.set(Some(Sample {
        all: 9,
        ..Sample::default()
    }));
    let results = machine.drill_up_to(0, ALL, &Drills::default());
    let of_sample = &results[3];
    assert!(
        matches!(&of_sample.outcome, Outcome::NotDrilled { error, .. } if error == "internal"),
        "{of_sample:?}"
    );
    assert!(!drill::is_well(&results));
}

#[test]
fn a_sample_is_not_copied_either_where_what_is_expected_is_too_large() {
    let case = sound();
    let machine = case.machine();
    machine.boot();
    machine.world.sample.set(Some(Sample {
        needed: 5 << 20,
        all: 9 << 20,
        ..Sample::default()
    }));
    let results = machine.drill_up_to(0, ALL, &Drills::default());
    let why =
        "what `expect` and `verify` name of it has 5.00 MiB, and `max-size` in [drill] allows 0 B";
    assert_eq!(results[3].outcome.why(), Some(why));
    // As with a replica that is too large.
    assert!(drill::is_well(&results));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_changed_and_nothing_is_left(case in any_case()) {
        prop_assume!(case.disk.staging.is_none());
        let machine = case.machine();
        machine.boot();
        let before = machine.world.disk.borrow().clone();
        let results = machine.drill(ALL, &Drills::default());
        let mut after = machine.world.disk.borrow().clone();
        after.last_guid = before.last_guid;
        prop_assert_eq!(after, before);
        // Each source says something of its newest.
        let newest = results.iter().filter(|it| it.which == Which::Newest).count();
        prop_assert!(newest >= case.scripts.len());
    }
}
