//! Runs a program to its end or its deadline, and leaves nothing of it behind.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::family::Family;
use crate::tail::Tail;

/// How long a program has to end by itself once it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// How long is waited for the end of what a program says once nothing of it is left.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a watched program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Ended(ExitStatus),
    /// It was ended at its deadline.
    TimeIsUp,
}

/// What a watched program said, and how it ended.
#[derive(Debug)]
pub struct Watched {
    /// How it ended.
    pub ending: Ending,
    /// The last line of its standard output, without control characters.
    pub stdout: String,
    /// The last line of its standard error, without control characters.
    pub stderr: String,
    /// The last line in which it tells of what kept it from its work, e.g. that it had no room; else empty.
    pub hindrance: String,
    /// Whether nothing of it is left. What cannot be killed (it waits for a disk) is left behind.
    pub is_gone: bool,
}

/// Runs a command that was confined (see [`crate::confine`]) as user `uid`, for as long as `deadline` at most.
/// Whatever it started is killed once it has ended, also what it has let go of.
///
/// # Errors
/// When it cannot be started.
pub fn run(command: &mut Command, uid: u32, deadline: Duration) -> io::Result<Watched> {
    let others = Family::before();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn()?;
    let family = Family::of(child.id(), Some(uid), others);
    let (stdout, stderr) = (Tail::of(child.stdout.take()), Tail::of(child.stderr.take()));
    let mut ended = until(&mut child, || began.elapsed() >= deadline);
    let in_time = ended.is_some();
    if !in_time {
        family.ask();
        let asked = Instant::now();
        ended = until(&mut child, || asked.elapsed() >= GRACE);
    }
    let mut is_gone = family.kill();
    if ended.is_none() {
        let killed = Instant::now();
        is_gone &= until(&mut child, || killed.elapsed() >= GRACE).is_some();
    }
    let ending = match ended {
        Some(status) if in_time => Ending::Ended(status?),
        _ => Ending::TimeIsUp,
    };
    let (stdout, stderr) = (stdout.said(LAST_WORDS), stderr.said(LAST_WORDS));
    Ok(Watched {
        ending,
        stdout: stdout.last_line,
        stderr: stderr.last_line,
        hindrance: if stderr.hindrance.is_empty() {
            stdout.hindrance
        } else {
            stderr.hindrance
        },
        is_gone,
    })
}

/// Waits until the program has ended, or it is too late.
fn until(child: &mut Child, too_late: impl Fn() -> bool) -> Option<io::Result<ExitStatus>> {
    let mut pause = Duration::from_millis(2);
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Some(Ok(status)),
            Err(error) => return Some(Err(error)),
        }
        if too_late() {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Identity, confine};

    fn sh(script: &str, deadline: Duration) -> (Watched, Duration) {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        // A user of this test's own: what it lets go of is told by its user.
        let uid = 1_900_000_000 + nix::unistd::gettid().as_raw().unsigned_abs();
        confine(&mut command, Identity { uid, gid: uid });
        command.env("PATH", "/usr/bin:/bin");
        let began = Instant::now();
        let watched = run(&mut command, uid, deadline).unwrap();
        (watched, began.elapsed())
    }

    #[test]
    fn the_last_words_and_the_status_are_told() {
        let (watched, _) = sh(
            "echo a; echo b; echo c >&2; exit 7",
            Duration::from_secs(30),
        );
        assert!(matches!(watched.ending, Ending::Ended(status) if status.code() == Some(7)));
        assert_eq!((&*watched.stdout, &*watched.stderr), ("b", "c"));
    }

    #[test]
    fn at_its_deadline_it_is_ended_with_all_that_it_started() {
        for script in [
            "trap '' TERM; echo begun; while :; do sleep 1; done",
            "echo begun; sleep 1000 & setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & wait",
        ] {
            let (watched, took) = sh(script, Duration::from_secs(5));
            assert_eq!(watched.ending, Ending::TimeIsUp);
            assert_eq!(watched.stdout, "begun");
            assert!(watched.is_gone);
            assert!(took < Duration::from_mins(1), "{took:?}");
        }
    }

    #[test]
    fn what_it_leaves_behind_is_ended_too() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let script = "setsid sh -c 'sleep 1000 & sleep 1000' & sleep 0.2; echo $!";
        let (watched, took) = sh(script, Duration::from_mins(1));
        assert!(matches!(watched.ending, Ending::Ended(status) if status.success()));
        assert!(watched.is_gone);
        assert!(took < Duration::from_secs(20), "{took:?}");
        let left = format!("/proc/{}", watched.stdout);
        assert!(!std::path::Path::new(&left).exists(), "{left}");
    }
}
