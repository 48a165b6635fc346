//! Runs a program as a step of a restore, and watches it (`process`): what it says is told as [`Ended`] tells it.

use std::process::{ChildStdout, Command};
use std::time::{Duration, Instant};

use process::OutputMode;
pub use process::child::GivenUp;
use process::child::{self, Failed};
pub use process::{Activity, Seen};

use crate::command::{Ended, line_of, not_started, one_line};
use crate::error::ErrorKind;
use crate::stall::Io;
use crate::{Error, Result, interrupt, step};

/// How often is looked at how a program gets on.
const LOOK: Duration = Duration::from_millis(250);

/// Runs a command to its end, and gives what it said, whatever its exit status. For programs that end by themselves, or
/// must not be ended in the middle of a change.
///
/// # Errors
/// When it cannot be started.
pub fn run(command: &mut Command) -> Result<Ended> {
    let watched = watch(command, GivenUp::IsEnded, |_| None::<()>)?;
    Ok(watched.ended)
}

/// The same for a program that answers soon, as `systemctl` does: one that has not ended after `limit` is ended.
///
/// # Errors
/// When it cannot be started, or has not ended in time.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<Ended> {
    let begun = Instant::now();
    let watched = watch(command, GivenUp::IsEnded, |_| {
        (begun.elapsed() >= limit).then_some(())
    })?;
    if watched.given_up.is_none() {
        return Ok(watched.ended);
    }
    Err(Error::new(
        format!("`{}`", watched.ended.line),
        format!("it gave no answer within {} s", limit.as_secs()),
        "see that what it asks is at work, e.g. `systemctl status`",
    )
    .of_kind(ErrorKind::Timeout))
}

/// A program that was watched to its end.
#[derive(Debug)]
pub struct Watched<T> {
    /// How it ended and what it said. Bytes of its output that are not UTF-8 are replaced.
    pub ended: Ended,
    /// Its standard output as it was.
    pub stdout: Vec<u8>,
    /// What it had read and written when it ended, what it said counted; `None` if that cannot be told.
    pub io: Option<Io>,
    /// The bytes of all that it said.
    pub said: u64,
    /// Why it was given up before it ended by itself. Its status is then that of a program that was killed.
    pub given_up: Option<T>,
}

/// Runs a command to its end. Several times a second `give_up` is asked whether it is to be given up, and why.
///
/// # Errors
/// When it cannot be started, or its end cannot be waited for.
pub fn watch<T>(
    command: &mut Command,
    then: GivenUp,
    give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    watch_often(command, then, LOOK, give_up)
}

/// The same, asking `give_up` this often.
///
/// # Errors
/// As [`watch`].
pub fn watch_often<T>(
    command: &mut Command,
    then: GivenUp,
    look: Duration,
    give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    watch_as(
        command,
        then,
        look,
        OutputMode::Kept,
        &mut on_looks(give_up),
    )
}

/// The same for a program whose standard output is only read, and not kept.
///
/// # Errors
/// As [`watch`].
pub fn watch_silently<T>(
    command: &mut Command,
    then: GivenUp,
    give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    watch_as(
        command,
        then,
        LOOK,
        OutputMode::Counted,
        &mut on_looks(give_up),
    )
}

/// The same for a program whose lines are read as they come, and not kept: of each is asked whether it is to be given up.
///
/// # Errors
/// As [`watch`].
pub fn watch_lines<T>(
    command: &mut Command,
    then: GivenUp,
    mut give_up: impl FnMut(Activity<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    watch_as(command, then, LOOK, OutputMode::Lines, &mut give_up)
}

fn on_looks<T>(
    mut give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> impl FnMut(Activity<'_>) -> Option<T> {
    move |told| match told {
        Activity::Look(seen) => give_up(&seen),
        Activity::Line { .. } => None,
    }
}

fn watch_as<T>(
    command: &mut Command,
    then: GivenUp,
    look: Duration,
    output: OutputMode,
    told: &mut dyn FnMut(Activity<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    interrupt::halt();
    let line = line_of(command);
    step::at(|| line.clone());
    let ended = child::watch(command, then, look, output, told).map_err(|failed| match failed {
        Failed::NotStarted(error) => not_started(command, &error),
        Failed::NotWatched(error) => Error::new(
            format!("`{line}`"),
            format!("it cannot be watched: {error}"),
            "start the service again",
        )
        .caused_by(&error),
    });
    interrupt::halt();
    let ended = ended?;
    Ok(Watched {
        ended: Ended {
            line,
            status: ended.status,
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: one_line(&ended.stderr),
            stderr_lines: String::from_utf8_lossy(&ended.stderr).into_owned(),
        },
        stdout: ended.stdout,
        io: ended.io,
        said: ended.said,
        given_up: ended.given_up,
    })
}

/// A program whose standard output another one reads, which is the one that is watched.
#[derive(Debug)]
pub struct Feeder {
    line: String,
    feeder: process::Feeder,
}

impl Feeder {
    /// Starts it, and gives what the other one is to read.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<(Self, Option<ChildStdout>)> {
        let started = process::Feeder::start(command);
        let (feeder, stream) = started.map_err(|error| not_started(command, &error))?;
        let line = line_of(command);
        Ok((Self { line, feeder }, stream))
    }

    /// Gives how it ended: see [`process::Feeder::finish`].
    #[must_use]
    pub fn finish(self, over: bool) -> Ended {
        let (status, said) = self.feeder.finish(over);
        Ended {
            line: self.line,
            status,
            stdout: String::new(),
            stderr: one_line(&said),
            stderr_lines: String::from_utf8_lossy(&said).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::command::command;

    #[test]
    fn one_that_gives_no_answer_is_not_waited_for() {
        let begun = Instant::now();
        let mut silent = command("sleep", ["60"]);
        let error = run_within(&mut silent, Duration::from_secs(1)).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert!(error.what().contains("no answer within 1 s"), "{error}");
        let quick = run_within(&mut command("echo", ["x"]), Duration::from_secs(30));
        assert_eq!(quick.unwrap().stdout, "x\n");
    }
}
