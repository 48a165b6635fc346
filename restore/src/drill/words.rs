//! What a drill showed, in words and to the journal.

use std::time::Duration;

use report::progress::bytes;
use report::{Event, Kind, words};
use storage::{ErrorKind, local};

use crate::machine::Machine;
use crate::proof::{Drilled, Outcome, Which};

/// What a drill showed, on one line.
#[must_use]
pub fn in_words(result: &Drilled) -> String {
    let which = format!("the {} of {}", result.which.word(), result.source);
    let of = match (&result.snapshot, result.taken) {
        (Some(snapshot), Some(taken)) => format!(" ({}, {})", label(snapshot), local(taken)),
        _ => String::new(),
    };
    let took = Duration::from_millis(result.took);
    let (seconds, moved) = (took.as_secs_f64(), moved(result));
    match &result.outcome {
        Outcome::Proven if result.is_estimate => {
            format!(
                "{which}{of} can be restored: a clone took {seconds:.1} s, a rollback takes about that"
            )
        }
        Outcome::Proven => format!("{which}{of} can be restored: it took {seconds:.1} s{moved}"),
        Outcome::Sampled => {
            format!("a sample of {which}{of} can be restored: it took {seconds:.1} s{moved}")
        }
        Outcome::Failed { why, .. } => format!("{which}{of} cannot be restored: {why}"),
        Outcome::NotDrilled { why, .. } => format!("{which}{of} was not drilled: {why}"),
    }
}

/// How many of the candidates that there are can be restored.
#[must_use]
pub fn summary(results: &[Drilled]) -> String {
    let candidates = results.iter().filter(|it| it.snapshot.is_some());
    let (all, good) = candidates.fold((0, 0), |(all, good), result| {
        (all + 1, good + usize::from(result.outcome.is_good()))
    });
    format!(
        "{good} of {} can be restored",
        words::count(all, "candidate", "candidates")
    )
}

fn label(snapshot: &str) -> &str {
    let is_id = snapshot.len() == 64 && !snapshot.contains('@');
    if is_id { &snapshot[..8] } else { snapshot }
}

fn moved(result: &Drilled) -> String {
    if result.bytes == 0 {
        return String::new();
    }
    format!(" for {}", bytes(result.bytes))
}

/// Tells the journal. Only what becomes of the newest one breaks a promise.
pub(super) fn tell(machine: &dyn Machine, of: &str, result: &Drilled) {
    let is_newest = result.which == Which::Newest;
    let kind = match &result.outcome {
        Outcome::Failed { .. } if is_newest => Kind::NotProven,
        _ => Kind::Drilled,
    };
    let event = Event::new(kind, &result.part, in_words(result));
    let mut event = event
        .of(of)
        .tier(&result.tier)
        .outcome(result.outcome.word())
        .bytes(result.bytes);
    if let Some(snapshot) = &result.snapshot {
        event = event.snapshot(snapshot);
    }
    if !result.outcome.is_good() {
        event = event.warning();
    }
    if let Outcome::Failed { error, .. } | Outcome::NotDrilled { error, .. } = &result.outcome
        && let Some(kind) = ErrorKind::ALL.iter().find(|kind| kind.code() == error)
    {
        event = event.error(kind.code());
    }
    machine.tell(&event);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_result_says_of_what_it_is_and_how_long_it_took() {
        let proven = Drilled {
            part: "sonarr".into(),
            tier: "restic".into(),
            source: "repository nas".into(),
            which: Which::Newest,
            snapshot: Some("0a1b2c3d".repeat(8)),
            taken: Some("2026-11-23T07:00:00Z".parse().unwrap()),
            drilled: "2026-11-23T08:00:00Z".parse().unwrap(),
            outcome: Outcome::Proven,
            took: 1540,
            is_estimate: false,
            bytes: 1 << 20,
        };
        let words = in_words(&proven);
        assert!(
            words.starts_with("the newest of repository nas (0a1b2c3d, 2026-11-23"),
            "{words}"
        );
        let end = ") can be restored: it took 1.5 s for 1.00 MiB";
        assert!(words.ends_with(end), "{words}");
        let none = Drilled {
            snapshot: None,
            outcome: Outcome::NotDrilled {
                error: String::new(),
                why: "there is none".into(),
            },
            ..proven.clone()
        };
        let told = "the newest of repository nas was not drilled: there is none";
        assert_eq!(in_words(&none), told);
        let all = [none, proven];
        assert_eq!(summary(&all), "1 of 1 candidate can be restored");
    }
}
