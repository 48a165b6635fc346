//! Starts again by itself what was kept down by a cause that heals by itself: a mount, a network, a lock.
//!
//! What waited for a helper that refused is noted in /run, and a timer starts exactly that again, without blocking
//! anything. What needs a person is never tried again. The note counts as long as its timer runs.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use declaration::settings::Service;
use libsystemd::daemon::booted;
use storage::{Error, Result};

use crate::show::{Unit, show};
use crate::systemctl::{systemctl, systemd_run};

/// Where is noted what is tried again.
const DIRECTORY: &str = "/run/preseed/retry";

/// After how long a unit is tried again the first time. Each time it is twice as long.
const FIRST: Duration = Duration::from_secs(30);

/// After how long at most.
const LONGEST: Duration = Duration::from_mins(15);

/// The program that the timer starts.
const HELPER: &str = "/usr/lib/preseed/preseed-helper";

/// What is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    /// After how long.
    delay: Duration,
    /// Whether the timer has had its turn since: only its own tries make the next one later, not those of a person or a
    /// socket.
    had_its_turn: bool,
    /// The units, each with whether it was enabled (`UnitFileState=`) when it waited.
    units: Vec<(String, String)>,
}

impl Note {
    /// What is noted of one more refusal for which `waiting` units waited; `None`: nobody waits for it.
    fn again(before: Option<Self>, waiting: Vec<(String, String)>) -> Option<Self> {
        let delay = match &before {
            None => FIRST,
            Some(before) if before.had_its_turn => (before.delay * 2).min(LONGEST),
            Some(before) => before.delay,
        };
        let mut units = before.map_or_else(Vec::new, |before| before.units);
        for unit in waiting {
            if units.iter().all(|(name, _)| *name != unit.0) {
                units.push(unit);
            }
        }
        (!units.is_empty()).then_some(Self {
            delay,
            had_its_turn: false,
            units,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (delay, turn) = lines.next()?.split_once(' ')?;
        let delay = Duration::from_secs(delay.parse().ok()?);
        let had_its_turn = match turn {
            "waits" => false,
            "tried" => true,
            _ => return None,
        };
        let units = lines.map(|line| {
            let (state, name) = line.split_once(' ')?;
            Some((name.to_owned(), state.to_owned()))
        });
        let units = units.collect::<Option<Vec<_>>>()?;
        let is_in_bounds = (FIRST..=LONGEST).contains(&delay);
        (is_in_bounds && !units.is_empty()).then_some(Self {
            delay,
            had_its_turn,
            units,
        })
    }

    fn text(&self) -> String {
        let turn = if self.had_its_turn { "tried" } else { "waits" };
        let units = self
            .units
            .iter()
            .map(|(name, state)| format!("{state} {name}\n"));
        let units: String = units.collect();
        format!("{} {turn}\n{units}", self.delay.as_secs())
    }
}

/// Has the units that wait for this run of a helper started again later, since `error` refuses them, if that may heal
/// by itself; else ends what was begun. Gives what is to be told of it. Only where systemd runs us.
#[must_use]
pub fn later(service: &Service, error: &Error) -> Option<String> {
    if !booted() || !process::systemd_runs_us() {
        return None;
    }
    let name = service.name.as_str();
    if !error.heals() {
        end(name);
        return None;
    }
    // A note that somebody has ended by stopping its timer is none.
    let before = read(name).filter(|_| is_set(name));
    let is_under_way = before.as_ref().is_some_and(|before| !before.had_its_turn);
    // If systemd gives no answer, what was arranged before stays so.
    let Ok(waiting) = waiting(service) else {
        return before.map(|before| told(name, before.delay));
    };
    let arranged = Note::again(before, waiting).filter(|note| {
        // What cannot be arranged keeps nothing else from being told.
        write(name, note).is_ok() && (is_under_way || set_timer(name, note.delay))
    });
    let Some(note) = arranged else {
        end(name);
        return None;
    };
    Some(told(name, note.delay))
}

fn told(service: &str, delay: Duration) -> String {
    format!(
        "it is tried again by itself within {}, until `systemctl stop {}`",
        in_words(delay),
        timer_of(service)
    )
}

/// A service may start: what else waited for its data is started as well, and nothing is tried again.
pub fn succeeded(service: &str) {
    if let Some(note) = read(service).filter(|_| is_set(service)) {
        let _ = wanted(&note).and_then(|wanted| start_all(&without_job(wanted)));
    }
    end(service);
}

/// Ends what was begun: a service may start, or needs a person.
pub fn end(service: &str) {
    if fs::remove_file(path_of(service)).is_ok() {
        let _ = systemctl(["stop", "--", &timer_of(service)]);
    }
}

/// Starts what waited for the service, without waiting for it: what the timer does. What is masked, disabled or gone
/// since, or runs already, is left alone.
///
/// # Errors
/// When systemd cannot be asked.
pub fn start(service: &str) -> Result<()> {
    let Some(note) = read(service) else {
        // Gone, or broken: nobody can tell what waited.
        end(service);
        let _ = systemctl(["stop", "--", &timer_of(service)]);
        return Ok(());
    };
    let wanted = wanted(&note)?;
    if wanted.is_empty() {
        end(service);
        return Ok(());
    }
    let note = Note {
        had_its_turn: true,
        ..note
    };
    // If it cannot be noted, the next try is as soon as this one.
    let _ = write(service, &note);
    start_all(&wanted)
}

fn start_all(units: &[String]) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let args = ["start", "--no-block", "--"];
    let ended = systemctl(args.into_iter().chain(units.iter().map(String::as_str)))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(ended.error("systemd", "see that it answers: `systemctl status`"))
}

/// Those of the units that nothing is done with just now: what is about to start needs no second job.
fn without_job(mut units: Vec<String>) -> Vec<String> {
    let shown = show("Job", units.iter().map(String::as_str)).unwrap_or_default();
    let has_job = |unit: &Unit| !matches!(unit.value("Job"), "" | "0");
    units.retain(|name| !shown.get(name).is_some_and(has_job));
    units
}

/// Those of the units that waited which are wanted still, and do not run.
///
/// # Errors
/// When systemd cannot be asked.
fn wanted(note: &Note) -> Result<Vec<String>> {
    let names = note.units.iter().map(|(unit, _)| unit.as_str());
    let shown = show("LoadState,ActiveState,UnitFileState", names)?;
    let wanted = note.units.iter().filter(|(unit, before)| {
        shown.get(unit).is_some_and(|unit| {
            unit.value("LoadState") == "loaded"
                && !matches!(unit.value("ActiveState"), "active" | "reloading")
                && is_wanted(before, &state_of(unit))
        })
    });
    Ok(wanted.map(|(unit, _)| unit.clone()).collect())
}

/// Whether a unit that was in the state `before` when it waited is still wanted now that it is `now`
/// (`systemctl is-enabled`). One that never was enabled was started by somebody.
fn is_wanted(before: &str, now: &str) -> bool {
    !now.starts_with("masked") && (now != "disabled" || before == "disabled")
}

/// The units that wait for the service's data to be started just now: its own, and those that require them. Targets
/// only hold others together, and no boot waits for what is tried again.
///
/// # Errors
/// When systemd cannot be asked.
fn waiting(service: &Service) -> Result<Vec<(String, String)>> {
    let args = [
        "list-jobs",
        "--no-legend",
        "--no-pager",
        "--full",
        "--plain",
    ];
    let jobs = systemctl(args)?;
    let starting = starting(&jobs.stdout);
    let mut waiting = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next: Vec<String> = service.units.iter().map(ToString::to_string).collect();
    while !next.is_empty() {
        let names = next.iter().map(String::as_str);
        let shown = show("UnitFileState,RequiredBy,BoundBy", names)?;
        next = Vec::new();
        for unit in shown.iter() {
            let is_new = seen.insert(unit.id().to_owned());
            if !is_new || unit.id().ends_with(".target") || !starting.contains(unit.id()) {
                continue;
            }
            waiting.push((unit.id().to_owned(), state_of(unit)));
            let requiring = unit.words("RequiredBy").chain(unit.words("BoundBy"));
            next.extend(requiring.map(ToOwned::to_owned));
        }
    }
    Ok(waiting)
}

/// The units that wait to be started, in what `systemctl list-jobs` printed.
fn starting(jobs: &str) -> BTreeSet<&str> {
    let units = jobs.lines().filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (unit, kind, state) = (columns.next()?, columns.next()?, columns.next()?);
        (matches!(kind, "start" | "restart") && state == "waiting").then_some(unit)
    });
    units.collect()
}

/// Whether a unit is enabled (`UnitFileState=`), as one word.
fn state_of(unit: &Unit) -> String {
    match unit.value("UnitFileState") {
        "" => "-".to_owned(),
        state => state.to_owned(),
    }
}

/// Notes what is tried again.
fn write(service: &str, note: &Note) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create("/run/preseed")?;
    match DirBuilder::new().mode(0o700).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let path = path_of(service);
    let new = path.with_extension("new");
    fs::write(&new, note.text())?;
    fs::rename(&new, &path)
}

/// Sets the timer anew. Gives whether it is set.
fn set_timer(service: &str, delay: Duration) -> bool {
    let (timer, unit) = (timer_of(service), name_of(service));
    // Those of the last time would be in the way. The program has done its work: it only starts something.
    let _ = systemctl(["stop", "--", &timer, &format!("{unit}.service")]);
    systemd_run([
        "--quiet",
        "--collect",
        &format!("--unit={unit}"),
        &format!("--description=Another Try to Start What Waits for the Data of {service}"),
        &format!("--on-active={}", delay.as_secs()),
        // Should nothing come of one try, there is another.
        &format!("--on-unit-inactive={}", delay.as_secs()),
        "--timer-property=AccuracySec=1s",
        "--",
        HELPER,
        "retry",
        "--",
        service,
    ])
}

/// Whether the service's timer is set.
fn is_set(service: &str) -> bool {
    let timer = timer_of(service);
    let Ok(shown) = show("ActiveState", [timer.as_str()]) else {
        // Nobody has stopped it, as far as can be told.
        return true;
    };
    shown
        .get(&timer)
        .is_some_and(|timer| timer.value("ActiveState") == "active")
}

/// A delay for people.
fn in_words(delay: Duration) -> String {
    match delay.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn read(service: &str) -> Option<Note> {
    Note::parse(&fs::read_to_string(path_of(service)).ok()?)
}

fn path_of(service: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{service}.note"))
}

fn timer_of(service: &str) -> String {
    format!("{}.timer", name_of(service))
}

/// The name of the timer, and of what it starts, without the type.
fn name_of(service: &str) -> String {
    format!("preseed-retry-{service}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn unit(name: &str) -> (String, String) {
        (name.to_owned(), "enabled".to_owned())
    }

    #[test]
    fn each_time_it_takes_twice_as_long() {
        let mut before = None;
        let mut delays = Vec::new();
        for _ in 0..7 {
            let note = Note::again(before, vec![unit("a.service")]).unwrap();
            assert_eq!(Note::parse(&note.text()), Some(note.clone()));
            delays.push(note.delay.as_secs());
            // What others try meanwhile changes nothing.
            let by_hand = Note::again(Some(note.clone()), vec![unit("a.service")]);
            assert_eq!(by_hand, Some(note.clone()));
            before = Some(Note {
                had_its_turn: true,
                ..note
            });
        }
        assert_eq!(delays, [30, 60, 120, 240, 480, 900, 900]);
    }

    #[test]
    fn only_what_waited_is_tried_again() {
        assert_eq!(Note::again(None, Vec::new()), None);
        let first = Note::again(None, vec![unit("a.service")]);
        // By hand, nothing waits: what waited before still does.
        let second = Note::again(first, Vec::new()).unwrap();
        assert_eq!(second.units, [unit("a.service")]);
        let third = Note::again(Some(second), vec![unit("b.service"), unit("a.service")]).unwrap();
        assert_eq!(third.units, [unit("a.service"), unit("b.service")]);
    }

    #[test]
    fn what_was_masked_or_disabled_since_is_not_wanted_any_more() {
        for (before, now, expected) in [
            ("enabled", "enabled", true),
            ("enabled", "disabled", false),
            ("disabled", "disabled", true),
            ("generated", "generated", true),
            ("-", "-", true),
            ("enabled", "masked", false),
            ("enabled", "masked-runtime", false),
        ] {
            assert_eq!(is_wanted(before, now), expected, "{before} to {now}");
        }
    }

    #[test]
    fn the_units_that_wait_are_read() {
        let jobs = "  77 sonarr.service         start waiting\n  78 preseed-sonarr.service start running\n  79 old.service stop waiting\n";
        assert_eq!(starting(jobs), BTreeSet::from(["sonarr.service"]));
    }

    #[test]
    fn what_cannot_be_read_is_no_note() {
        for text in [
            "",
            "x\n",
            "30\n",
            "30 waits\n",
            "30 waits\nenabled\n",
            "30 x\nenabled a.service\n",
            "-1 waits\nenabled a.service\n",
            "99999999 waits\nenabled a.service\n",
        ] {
            assert_eq!(Note::parse(text), None, "{text}");
        }
    }
}
