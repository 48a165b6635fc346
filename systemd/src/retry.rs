//! Starts again by itself what was kept down by a cause that heals by itself: a mount, a network, a lock.
//!
//! What waited for a helper that refused is noted in /run, and a timer starts exactly that again, without blocking
//! anything. What needs a person is never tried again.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use declaration::settings::Service;
use declaration::value::UnitName;
use libsystemd::daemon::booted;
use storage::{Error, Result};

use crate::systemctl::{systemctl, systemd_run};

/// Where is noted what is tried again.
const DIRECTORY: &str = "/run/preseed/retry";

/// After how long a unit is tried again the first time. Each time it is twice as long.
const FIRST: Duration = Duration::from_secs(30);

/// After how long at most.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The program that the timer starts.
const HELPER: &str = "/usr/lib/preseed/preseed-helper";

/// What is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    /// After how long.
    delay: Duration,
    /// The units, each with whether it was enabled (`UnitFileState=`) when it waited.
    units: Vec<(String, String)>,
}

impl Note {
    /// What is noted of one more refusal for which `waiting` units waited; `None`: nobody waits for it.
    fn again(before: Option<Self>, waiting: Vec<(String, String)>) -> Option<Self> {
        let delay = before
            .as_ref()
            .map_or(FIRST, |before| (before.delay * 2).min(LONGEST));
        let mut units = before.map_or_else(Vec::new, |before| before.units);
        for unit in waiting {
            if units.iter().all(|(name, _)| *name != unit.0) {
                units.push(unit);
            }
        }
        (!units.is_empty()).then_some(Self { delay, units })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let delay = Duration::from_secs(lines.next()?.parse().ok()?);
        let units = lines.map(|line| {
            let (state, name) = line.split_once(' ')?;
            Some((name.to_owned(), state.to_owned()))
        });
        let units = units.collect::<Option<Vec<_>>>()?;
        Some(Self { delay, units })
    }

    fn text(&self) -> String {
        let units = self
            .units
            .iter()
            .map(|(name, state)| format!("{state} {name}\n"));
        format!("{}\n{}", self.delay.as_secs(), units.collect::<String>())
    }
}

/// Has the units that wait for this run of a helper started again later, since `error` refuses them, if that may heal
/// by itself; else ends what was begun. Gives the error with what is to be told of it. Only where systemd runs us.
#[must_use]
pub fn later(service: &Service, error: Error) -> Error {
    if !booted() || !process::systemd_runs_us() {
        return error;
    }
    let name = service.name.as_str();
    if !error.heals() {
        end(name);
        return error;
    }
    // What cannot be arranged keeps nothing else from being told.
    let note = Note::again(read(name), waiting(service)).filter(|note| arrange(name, note).is_ok());
    let Some(note) = note else { return error };
    let help = format!(
        "{}; it is tried again by itself in {} s, until `systemctl stop {}`",
        error.help(),
        note.delay.as_secs(),
        timer_of(name)
    );
    error.with_help(help)
}

/// Ends what was begun: a service may start, or needs a person.
pub fn end(service: &str) {
    if fs::remove_file(path_of(service)).is_ok() {
        let _ = systemctl(["stop", "--", &timer_of(service)]);
    }
}

/// Starts what waited for the service, without waiting for it: what the timer does. What was masked or disabled since
/// is left alone.
///
/// # Errors
/// When systemd cannot be asked.
pub fn start(service: &str) -> Result<()> {
    let Some(note) = read(service) else {
        return Ok(());
    };
    let wanted: Vec<&str> = note
        .units
        .iter()
        .filter(|(unit, before)| is_wanted(before, &enabled(unit)))
        .map(|(unit, _)| unit.as_str())
        .collect();
    if wanted.is_empty() {
        end(service);
        return Ok(());
    }
    let args = ["start", "--no-block", "--"];
    let ended = systemctl(args.into_iter().chain(wanted))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(ended.error(service, "see that systemd answers: `systemctl status`"))
}

/// Whether a unit that was in the state `before` when it waited is still wanted now that it is `now`
/// (`systemctl is-enabled`). One that never was enabled was started by somebody.
fn is_wanted(before: &str, now: &str) -> bool {
    !now.starts_with("masked") && (now != "disabled" || before == "disabled")
}

/// The service's units that wait to be started just now.
fn waiting(service: &Service) -> Vec<(String, String)> {
    let args = [
        "list-jobs",
        "--no-legend",
        "--no-pager",
        "--full",
        "--plain",
    ];
    let Ok(jobs) = systemctl(args) else {
        return Vec::new();
    };
    let starting = starting(&jobs.stdout);
    let units = service.units.iter().map(UnitName::as_str);
    units
        .filter(|unit| starting.contains(unit))
        .map(|unit| (unit.to_owned(), enabled(unit)))
        .collect()
}

/// The units that are about to be started, in what `systemctl list-jobs` printed.
fn starting(jobs: &str) -> Vec<&str> {
    let units = jobs.lines().filter_map(|line| {
        let mut columns = line.split_whitespace();
        let (unit, kind) = (columns.nth(1)?, columns.next()?);
        matches!(kind, "start" | "restart").then_some(unit)
    });
    units.collect()
}

fn enabled(unit: &str) -> String {
    let args = ["show", "--property=UnitFileState", "--value", "--", unit];
    let state = systemctl(args).map(|ended| ended.stdout);
    let state = state.unwrap_or_default().trim().to_owned();
    if state.is_empty() {
        "-".to_owned()
    } else {
        state
    }
}

/// Notes what is tried again, and sets the timer.
fn arrange(service: &str, note: &Note) -> io::Result<()> {
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
    fs::rename(&new, &path)?;
    let timer = timer_of(service);
    let unit = timer.trim_end_matches(".timer").to_owned();
    // Those of the last time would be in the way. The program has done its work: it only starts something.
    let _ = systemctl(["stop", "--", &timer, &format!("{unit}.service")]);
    let is_set = systemd_run([
        "--quiet",
        "--collect",
        &format!("--unit={unit}"),
        &format!("--description=Another Try to Start What Waits for the Data of {service}"),
        &format!("--on-active={}", note.delay.as_secs()),
        // Should nothing come of one try, there is another.
        &format!("--on-unit-inactive={}", note.delay.as_secs()),
        "--timer-property=AccuracySec=1s",
        "--",
        HELPER,
        "retry",
        "--",
        service,
    ]);
    if is_set {
        return Ok(());
    }
    fs::remove_file(&path)?;
    Err(ErrorKind::Other.into())
}

fn read(service: &str) -> Option<Note> {
    Note::parse(&fs::read_to_string(path_of(service)).ok()?)
}

fn path_of(service: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{service}.note"))
}

fn timer_of(service: &str) -> String {
    format!("preseed-retry-{service}.timer")
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
            before = Some(note);
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
        assert_eq!(starting(jobs), ["sonarr.service", "preseed-sonarr.service"]);
    }

    #[test]
    fn what_cannot_be_read_is_no_note() {
        for text in ["", "x\n", "30\nenabled\n", "-1\n"] {
            assert_eq!(Note::parse(text), None, "{text}");
        }
    }
}
