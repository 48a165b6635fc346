//! Runs a program and watches it: what it says is read all the while, and it is given up once somebody says so.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::group::{end_group, killed};
use crate::io::{Io, io_of};
use crate::output::{Activity, Output, OutputMode, Seen};

/// What becomes of a program that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// It is ended with all it started: it changes nothing that must not be left half done.
    IsEnded,
    /// It is left to itself, and nobody waits for it: it may be in the middle of a change.
    IsLeft,
}

/// A program that was watched to its end.
#[derive(Debug)]
pub struct Ended<T> {
    /// How it ended. One that was given up counts as killed.
    pub status: ExitStatus,
    /// Its standard output as far as it was kept.
    pub stdout: Vec<u8>,
    /// Its standard error as far as it was kept: of much, the beginning and the end.
    pub stderr: Vec<u8>,
    /// What it had read and written when it ended, what it said counted; `None` if that cannot be told.
    pub io: Option<Io>,
    /// The bytes of all that it said.
    pub said: u64,
    /// Why it was given up before it ended by itself.
    pub given_up: Option<T>,
}

/// Why a program could not be watched to its end.
#[derive(Debug)]
pub enum Failed {
    /// It cannot be started.
    NotStarted(io::Error),
    /// Its end cannot be waited for.
    NotWatched(io::Error),
}

/// Runs a command to its end, or until it is given up. About every `look`, and of each line if they are told, `told` is
/// asked whether it is to be given up, and why.
///
/// Nobody waits for what cannot be killed, nor for what the program has left behind and what holds its output open.
///
/// # Errors
/// When it cannot be started, or its end cannot be waited for.
pub fn watch<T>(
    command: &mut Command,
    then: GivenUp,
    look: Duration,
    mode: OutputMode,
    told: &mut dyn FnMut(Activity<'_>) -> Option<T>,
) -> Result<Ended<T>, Failed> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Failed::NotStarted)?;
    to_its_end(&mut child, then, look, mode, told).map_err(Failed::NotWatched)
}

fn to_its_end<T>(
    child: &mut Child,
    then: GivenUp,
    look: Duration,
    mode: OutputMode,
    told: &mut dyn FnMut(Activity<'_>) -> Option<T>,
) -> io::Result<Ended<T>> {
    let mut said = Output::of(child, mode);
    let end = pidfd_of(child)?;
    let mut looked = Instant::now();
    loop {
        let wait = look.saturating_sub(looked.elapsed());
        if said.wait(Some(end.as_fd()), wait)? {
            let why = said.drain(told)?;
            // It was not waited for yet: what it has moved can still be told.
            let io = io_of(child.id());
            let status = child.wait()?;
            // One that has done its work was not given up, whatever it said.
            let why = why.filter(|_| !status.success());
            return Ok(ended(said, status, io, why));
        }
        let mut why = said.tell(told);
        if why.is_none() {
            if looked.elapsed() < look {
                continue;
            }
            looked = Instant::now();
            let (io, words) = (io_of(child.id()), said.words());
            why = told(Activity::Look(Seen {
                moved: io.map(|io| io.moved().saturating_sub(words)),
                io,
                told: said.out.len() as u64 + said.unkept,
                stderr: &said.err,
            }));
        }
        let Some(why) = why else { continue };
        let io = io_of(child.id());
        let status = match then {
            // That it is left behind if it cannot be killed is all that can be done.
            GivenUp::IsEnded => end_group(child).unwrap_or_else(|_| killed()),
            GivenUp::IsLeft => killed(),
        };
        return Ok(ended(said, status, io, Some(why)));
    }
}

fn ended<T>(said: Output, status: ExitStatus, io: Option<Io>, given_up: Option<T>) -> Ended<T> {
    Ended {
        status,
        io,
        said: said.words(),
        stdout: said.out,
        stderr: said.err,
        given_up,
    }
}

fn pidfd_of(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Feeder;

    fn sh<T>(
        script: &str,
        then: GivenUp,
        mode: OutputMode,
        mut told: impl FnMut(Activity<'_>) -> Option<T>,
    ) -> Ended<T> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        watch(&mut command, then, Duration::from_secs(1), mode, &mut told).unwrap()
    }

    #[test]
    fn much_on_both_sides_is_read_to_the_end() {
        let script = "head -c 300000 /dev/zero; head -c 5000000 /dev/zero >&2; echo >&2; echo last >&2; exit 3";
        let ended = sh(script, GivenUp::IsEnded, OutputMode::Kept, |_| None::<()>);
        assert_eq!(ended.stdout.len(), 300_000);
        assert!(ended.stderr.ends_with(b"last\n"));
        assert_eq!(ended.status.code(), Some(3));
        let ended = sh(
            script,
            GivenUp::IsEnded,
            OutputMode::Counted,
            |_| None::<()>,
        );
        assert_eq!((ended.stdout.len(), ended.said), (0, 5_300_006));
    }

    #[test]
    fn lines_are_told_as_they_come_and_one_can_end_it() {
        let script = "printf 'a\\nb'; sleep 1; printf 'c\\nd'; setsid sleep 200 & echo e >&2";
        let mut lines = Vec::new();
        let begun = Instant::now();
        let ended = sh(script, GivenUp::IsEnded, OutputMode::Lines, |told| {
            if let Activity::Line { is_error, line } = told {
                lines.push(format!("{is_error} {line}"));
            }
            None::<()>
        });
        lines.sort();
        assert_eq!(lines, ["false a", "false bc", "false d", "true e"]);
        assert_eq!((ended.said, ended.stdout.len()), (8, 0));
        assert!(begun.elapsed() < Duration::from_mins(1));
        let script = "echo stop; sleep 200";
        let ended = sh(script, GivenUp::IsEnded, OutputMode::Lines, |told| {
            matches!(told, Activity::Line { line: "stop", .. }).then_some("stopped")
        });
        assert_eq!(ended.given_up, Some("stopped"));
        assert!(begun.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn one_that_is_given_up_is_ended_or_left() {
        let begun = Instant::now();
        for then in [GivenUp::IsEnded, GivenUp::IsLeft] {
            let script = "echo caf\\351; exec sleep 200";
            let ended = sh(script, then, OutputMode::Kept, |told| match told {
                Activity::Look(seen) => (seen.told > 0).then_some("enough"),
                Activity::Line { .. } => None,
            });
            assert_eq!(ended.given_up, Some("enough"));
        }
        assert!(begun.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn one_that_was_left_behind_and_goes_on_talking_is_not_listened_to() {
        let begun = Instant::now();
        let script = "(for i in $(seq 1000); do echo more; sleep 0.2; done) & echo x";
        let ended = sh(script, GivenUp::IsEnded, OutputMode::Kept, |_| None::<()>);
        assert!(ended.stdout.starts_with(b"x\n") || ended.stdout.starts_with(b"more\n"));
        assert!(begun.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn one_that_a_program_left_behind_is_not_waited_for() {
        let begun = Instant::now();
        let script = "sleep 200 & echo x";
        let ended = sh(script, GivenUp::IsEnded, OutputMode::Kept, |_| None::<()>);
        assert_eq!(ended.stdout, b"x\n");
        let mut feeder = Command::new("sh");
        let (feeder, stream) =
            Feeder::start(feeder.args(["-c", "sleep 200 & echo y; echo z >&2"])).unwrap();
        let (status, said) = feeder.finish(true);
        // It would be ended by what it says to nobody.
        drop(stream);
        assert_eq!((status.code(), said), (Some(0), b"z\n".to_vec()));
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
}
