use std::collections::BTreeMap;

use declaration::settings::Promise;
use jiff::SignedDuration;
use protection::record::Record;
use restore::proof::{Drills, Outcome, Which};
use restore::verdict::{Held, Why};
use storage::mark::Stage;
use storage::{Error, Mark};

use super::super::facts::{LOCAL, Makes, Newest, Unit};
use super::*;

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn snapshot(name: &str, hours: i64) -> Snapshot {
    Snapshot {
        name: name.to_owned(),
        taken: now() - SignedDuration::from_hours(hours),
        bytes: 1,
    }
}

/// A source whose newest copy is so many hours old, and holds the data as far as anybody looked.
fn copy(tier: TierName, source: &str, hours: i64, held: Option<Held>) -> Copy {
    let newest = Newest {
        snapshot: snapshot(&format!("{source}@{hours}"), hours),
        held: held.map(Ok),
        is_noted: false,
    };
    Copy {
        tier,
        source: source.to_owned(),
        newest: Ok(Some(newest)),
        good: None,
        is_unasked: false,
    }
}

fn nothing(tier: TierName, is_unasked: bool) -> Copy {
    Copy {
        tier,
        source: LOCAL.to_owned(),
        newest: Ok(None),
        good: None,
        is_unasked,
    }
}

fn unit(state: &str, status: &str) -> Unit {
    Unit {
        name: "preseed-a.service".to_owned(),
        state: state.to_owned(),
        status: status.to_owned(),
    }
}

/// A service that was restored once, with its data there, and these copies.
fn facts(copies: Vec<Copy>) -> Facts {
    Facts {
        name: "a".to_owned(),
        unit: "a.service".to_owned(),
        parts: vec![part("a", copies)],
        promise: Promise::default(),
        tiers: TierName::ALL.to_vec(),
        prefer: Prefer::Order,
        max_age: BTreeMap::new(),
        units: [Unit::default(), Unit::default(), Unit::default()],
        shared: Vec::new(),
        makes: Makes::default(),
        drills: Ok(Drills::default()),
        late: Ok(None),
        remembered: Ok(Some(Remembered::Data)),
    }
}

fn part(name: &str, copies: Vec<Copy>) -> Part {
    Part {
        name: name.to_owned(),
        place: "/srv/a".into(),
        may_start_empty: false,
        verdict: Ok(Verdict::Present),
        lacks: None,
        mark: Some(Mark::new(Stage::Seeded, "restic", "1a2b3c4d")),
        record: Ok(Record::default()),
        is_in_doubt: false,
        copies,
    }
}

fn local_copy(hours: i64) -> Copy {
    copy(TierName::Rollback, LOCAL, hours, Some(Held::Data))
}

fn state(facts: &Facts) -> State {
    judge(facts, now()).state
}

fn gone(facts: &mut Facts) {
    facts.parts[0].verdict = Ok(Verdict::Restore(Why::Lost));
}

/// One of the newest candidate of a source of the tier: for people, `repository nas` or `local snapshots`.
fn drill(outcome: Outcome, tier: &str, took: u64) -> Drilled {
    let source = match tier {
        "restic" => "repository nas",
        "snapshot" => "local snapshots",
        other => other,
    };
    Drilled {
        part: "a".to_owned(),
        tier: tier.to_owned(),
        source: source.to_owned(),
        which: Which::Newest,
        snapshot: Some("@1".to_owned()),
        taken: Some(now()),
        drilled: now(),
        outcome,
        took,
        is_estimate: false,
        bytes: 1,
    }
}

#[test]
fn what_has_its_data_and_a_copy_of_it_is_well() {
    let facts = facts(vec![local_copy(1)]);
    assert_eq!(judge(&facts, now()).troubles, []);
    assert_eq!(state(&facts).exit(), 0);
}

#[test]
fn what_nothing_could_restore_is_never_well() {
    let none = facts(vec![nothing(TierName::Rollback, false)]);
    assert_eq!(state(&none), State::Unprotected);
    assert_eq!(state(&facts(Vec::new())), State::Unprotected);
    let unasked = facts(vec![nothing(TierName::Restic, true)]);
    assert_eq!(state(&unasked), State::Unproven);
    // One of its parts has none.
    let mut of_two = facts(vec![local_copy(1)]);
    of_two.parts.push(part("a.covers", Vec::new()));
    assert_eq!(state(&of_two), State::Unprotected);
    of_two.parts[1].may_start_empty = true;
    assert_eq!(state(&of_two), State::Well);
}

#[test]
fn what_cannot_be_told_is_never_well() {
    let error = || Error::new("tank", "its pool is not imported", "import it");
    let mut unknown = facts(vec![local_copy(1)]);
    unknown.parts[0].copies[0].newest = Err(error());
    assert_eq!(state(&unknown), State::NeedsALook);
    let mut unknown = facts(vec![local_copy(1)]);
    unknown.drills = Err(error());
    assert_eq!(state(&unknown), State::NeedsALook);
    let mut unknown = facts(vec![local_copy(1)]);
    unknown.parts[0].record = Err(error());
    assert_eq!(state(&unknown), State::NeedsALook);
    let mut unknown = facts(vec![local_copy(1)]);
    unknown.parts[0].verdict = Err(error());
    assert_eq!(state(&unknown), State::Down);
    let mut unknown = facts(vec![local_copy(1)]);
    unknown.remembered = Err(error());
    assert_eq!(state(&unknown), State::NeedsALook);
    gone(&mut unknown);
    assert_eq!(state(&unknown), State::Down);
}

#[test]
fn data_is_gone_unless_there_never_was_any() {
    let never = || {
        let mut facts = facts(vec![nothing(TierName::Restic, true)]);
        gone(&mut facts);
        facts.parts[0].mark = None;
        facts.remembered = Ok(None);
        facts
    };
    assert_eq!(state(&never()), State::NotStarted);
    let empty = Mark::new(Stage::Seeded, BOOTSTRAP, "");
    let mut started = never();
    started.remembered = Ok(Some(Remembered::StartedEmpty));
    // Its directory went with its mark.
    assert_eq!(state(&started), State::Down);
    started.parts[0].mark = Some(empty);
    assert_eq!(state(&started), State::NotStarted);
    started.parts[0].copies[0].good = Some(snapshot("x", 1));
    assert_eq!(state(&started), State::Down);
    let mut remembered = never();
    remembered.remembered = Ok(Some(Remembered::Data));
    assert_eq!(state(&remembered), State::Down);
}

#[test]
fn what_could_not_prove_itself_is_told() {
    let doubted = |record| {
        let mut facts = facts(vec![local_copy(1)]);
        facts.parts[0].record = Ok(record);
        let troubles = judge(&facts, now()).troubles;
        troubles.into_iter().map(|one| one.text).collect::<String>()
    };
    let doubt = Some(now());
    assert_eq!(doubted(Record::default()), "");
    let snapshots = doubted(Record {
        doubt,
        ..Record::default()
    });
    assert!(
        snapshots.contains("could not prove themselves"),
        "{snapshots}"
    );
    let backups = doubted(Record {
        shrunk: doubt,
        ..Record::default()
    });
    assert!(backups.contains("filed apart"), "{backups}");
    let unproved = doubted(Record {
        unproved: doubt,
        ..Record::default()
    });
    assert!(unproved.contains("not proved itself"), "{unproved}");
    // It changes nothing of what has not shrunk.
    let offers = |told: &str| told.contains("`preseedctl accept a`");
    assert!(offers(&backups) && !offers(&snapshots), "{snapshots}");
}

#[test]
fn a_failed_unit_is_down_and_says_why() {
    let mut facts = facts(vec![local_copy(1)]);
    facts.units[1] = unit("failed", "not started: x: do y");
    let judged = judge(&facts, now());
    assert_eq!(judged.state.exit(), 2);
    assert!(
        judged.troubles[0]
            .text
            .starts_with("not started: x: do y (")
    );
    // A backup that failed keeps nothing down.
    facts.units[1] = Unit::default();
    facts.units[2] = unit("failed", "");
    assert_eq!(state(&facts), State::NeedsALook);
    // Nor does what looks after its repository.
    facts.units[2] = Unit::default();
    facts.shared = vec![unit("active", "")];
    assert_eq!(state(&facts), State::Well);
    facts.shared.push(Unit {
        name: "maintain-repository-nas.service".to_owned(),
        ..unit("failed", "a pack is damaged")
    });
    let judged = judge(&facts, now());
    assert_eq!(judged.state, State::NeedsALook);
    assert_eq!(
        judged.troubles[0].text,
        "maintain-repository-nas.service failed: a pack is damaged (`systemctl status maintain-repository-nas.service`)"
    );
}

#[test]
fn a_restore_is_told_with_its_percents_only_while_data_is_missing() {
    let mut facts = facts(vec![local_copy(1)]);
    facts.units[1] = unit("activating", "restoring a from x: 45%, 1 B of 2 B, 1 B/s");
    assert_eq!(state(&facts), State::Well);
    gone(&mut facts);
    let judged = judge(&facts, now());
    assert_eq!((judged.state, judged.percent), (State::Restoring, Some(45)));
}

#[test]
fn a_recovery_point_is_held_against_the_newest_good_copy() {
    let promised = |copies| {
        let mut facts = facts(copies);
        facts.promise.recovery_point = Some(Duration::from_hours(24));
        facts
    };
    assert_eq!(state(&promised(vec![local_copy(23)])), State::Well);
    assert_eq!(state(&promised(vec![local_copy(25)])), State::PromiseBroken);
    // On whatever tier it is.
    let backup = copy(TierName::Restic, "nas", 1, Some(Held::Data));
    assert_eq!(state(&promised(vec![local_copy(25), backup])), State::Well);
    // One that nobody looked into, or that is empty, says nothing.
    let unseen = || copy(TierName::Rollback, LOCAL, 1, None);
    assert_eq!(state(&promised(vec![unseen()])), State::Unproven);
    let mut proven = unseen();
    proven.good = Some(snapshot("good", 30));
    assert_eq!(state(&promised(vec![proven])), State::PromiseBroken);
    // While the newest ones could not prove themselves, none of them counts.
    let mut doubted = promised(vec![local_copy(1)]);
    doubted.parts[0].is_in_doubt = true;
    assert_eq!(state(&doubted), State::Unproven);
    // The oldest of its parts counts.
    let mut of_two = promised(vec![local_copy(1)]);
    of_two.parts.push(part("a.covers", vec![local_copy(25)]));
    assert_eq!(state(&of_two), State::PromiseBroken);
}

#[test]
fn a_copy_of_the_future_is_not_good_and_is_told() {
    let promised = |copies| {
        let mut facts = facts(copies);
        facts.promise.recovery_point = Some(Duration::from_hours(24));
        facts
    };
    let ahead = promised(vec![local_copy(-1)]);
    assert_eq!(state(&ahead), State::Unproven);
    let told = judge(&ahead, now()).troubles;
    assert!(told.iter().any(|told| told.text.contains("`timedatectl`")));
    // An older one keeps the promise, and it is told all the same.
    let backup = copy(TierName::Restic, "nas", 1, Some(Held::Data));
    assert_eq!(
        state(&promised(vec![local_copy(-1), backup])),
        State::NeedsALook
    );
    // Clocks differ a little.
    let mut soon = promised(vec![local_copy(0)]);
    soon.parts[0].copies[0].good = Some(Snapshot {
        taken: now() + SignedDuration::from_mins(4),
        ..snapshot("soon", 0)
    });
    assert_eq!(state(&soon), State::Well);
}

#[test]
fn a_recovery_time_is_held_against_the_drill_of_the_tier_that_would_be_used() {
    let mut facts = facts(vec![
        local_copy(1),
        copy(TierName::Restic, "nas", 1, Some(Held::Data)),
    ]);
    facts.promise.recovery_time = Some(Duration::from_mins(1));
    assert_eq!(state(&facts), State::Unproven);
    let drilled = |results: Vec<Drilled>| {
        Ok(Drills {
            results,
            ..Drills::default()
        })
    };
    facts.drills = drilled(vec![drill(Outcome::Proven, "restic", 1000)]);
    assert_eq!(state(&facts), State::Unproven);
    facts.drills = drilled(vec![drill(Outcome::Proven, "rollback", 61_000)]);
    assert_eq!(state(&facts), State::PromiseBroken);
    facts.drills = drilled(vec![drill(Outcome::Proven, "rollback", 59_000)]);
    assert_eq!(state(&facts), State::Well);
    // A quick clone of its own snapshots measures no replica, and one repository measures no other.
    for (tier, measured, way) in [
        (TierName::Snapshot, "snapshot", LOCAL),
        (TierName::Restic, "restic", "nas"),
    ] {
        facts.drills = drilled(vec![drill(Outcome::Proven, measured, 1)]);
        facts.parts[0].copies = vec![copy(tier, way, 1, Some(Held::Data))];
        assert_eq!(state(&facts), State::Well, "{tier}");
        facts.parts[0].copies = vec![copy(tier, "vault", 1, Some(Held::Data))];
        assert_eq!(state(&facts), State::Unproven, "{tier}");
    }
}

#[test]
fn a_failed_drill_of_the_newest_copy_breaks_a_promise() {
    let mut facts = facts(vec![local_copy(1)]);
    let outcome = Outcome::Failed {
        error: "damaged".to_owned(),
        why: "a block cannot be read".to_owned(),
        of_a_part: false,
    };
    let results = vec![drill(outcome, "rollback", 1)];
    facts.drills = Ok(Drills {
        results,
        ..Drills::default()
    });
    assert_eq!(state(&facts), State::NeedsALook);
    facts.promise.recovery_point = Some(Duration::from_hours(24));
    assert_eq!(state(&facts), State::PromiseBroken);
}

#[test]
fn a_drill_that_could_not_be_made_hides_no_failed_one() {
    let told = |outcomes: Vec<Outcome>| {
        let mut facts = facts(vec![local_copy(1)]);
        let results = outcomes.into_iter();
        facts.drills = Ok(Drills {
            results: results
                .map(|outcome| drill(outcome, "rollback", 1))
                .collect(),
            ..Drills::default()
        });
        let troubles = judge(&facts, now()).troubles.into_iter();
        troubles.map(|told| told.text).collect::<Vec<String>>()
    };
    let failed = || Outcome::Failed {
        error: "damaged".to_owned(),
        why: "a block cannot be read".to_owned(),
        of_a_part: false,
    };
    let not = |error: &str| Outcome::NotDrilled {
        error: error.to_owned(),
        why: "it is locked".to_owned(),
    };
    let both = told(vec![failed(), not("locked")]);
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(both[0].contains("a block cannot be read"), "{both:?}");
    assert!(both[1].contains("it is locked"), "{both:?}");
    assert_eq!(told(vec![failed(), not("")]).len(), 1);
    assert_eq!(told(vec![Outcome::Proven, not("locked")]).len(), 1);
    assert_eq!(told(vec![not("locked"), Outcome::Proven]).len(), 0);
    assert_eq!(told(vec![Outcome::Proven, not("")]).len(), 0);
}

#[test]
fn a_late_drill_is_told() {
    let mut facts = facts(vec![local_copy(1)]);
    facts.late = Ok(Some(Duration::from_hours(9 * 24)));
    let judged = judge(&facts, now());
    assert_eq!(judged.state, State::NeedsALook);
    let text = &judged.troubles[0].text;
    assert!(text.contains("up for 9d without one"), "{text}");
    facts.late = Err(Error::new("x", "it cannot be read", "look into it"));
    assert_eq!(state(&facts), State::NeedsALook);
}

#[test]
fn what_would_be_restored_is_what_a_restore_would_take() {
    let tier = |facts: &Facts| way(facts, &facts.parts[0], now()).map(|way| way.tier);
    let mut facts = facts(vec![local_copy(9), copy(TierName::Restic, "nas", 1, None)]);
    assert_eq!(tier(&facts), Some(TierName::Rollback));
    facts.prefer = Prefer::Newest;
    assert_eq!(tier(&facts), Some(TierName::Restic));
    facts.prefer = Prefer::Order;
    let most = Duration::from_hours(8);
    facts.max_age.insert(TierName::Rollback, most);
    assert_eq!(tier(&facts), Some(TierName::Restic));
    facts.parts[0].copies[0] = copy(
        TierName::Rollback,
        LOCAL,
        1,
        Some(Held::Nothing("it is empty".to_owned())),
    );
    facts.max_age.clear();
    assert_eq!(tier(&facts), Some(TierName::Restic));
    facts.parts[0].copies.clear();
    assert_eq!(tier(&facts), None);
}
