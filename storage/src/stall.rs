//! Ends what makes no progress: a transfer may take as long as it needs, but not stand still.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::Error;

/// What counts as progress, in bytes. Less is moved by a program that only keeps asking a server that is gone.
const ENOUGH: u64 = 1 << 20;

/// How long a program has to end by itself once it is told to.
const GRACE: Duration = Duration::from_secs(10);

/// Watches how much something has moved.
#[derive(Debug)]
pub struct Stall {
    timeout: Duration,
    since: Instant,
    moved: u64,
}

impl Stall {
    /// It is over once less than a MiB was moved for `timeout`; [`Duration::MAX`]: never.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            since: Instant::now(),
            moved: 0,
        }
    }

    /// `moved` bytes have been moved in all. Gives whether it has stood still for too long.
    pub fn at(&mut self, moved: u64) -> bool {
        if moved >= self.moved.saturating_add(ENOUGH) {
            self.moved = moved;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.timeout
    }

    /// The error that it has stood still.
    #[must_use]
    pub fn error(&self, subject: &str, what: &str) -> Error {
        Error::new(
            subject,
            format!(
                "{what} made no progress for {} s (stall-timeout) and was ended",
                self.timeout.as_secs()
            ),
            "see that where the data comes from answers, then start the service again",
        )
    }
}

/// Ends a program that leads a process group of its own, and all of that group: asks it, and after 10 s kills it.
///
/// # Errors
/// When its end cannot be waited for.
pub fn end_group(child: &mut Child) -> io::Result<ExitStatus> {
    signal(child, Signal::SIGTERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if let Some(status) = child.try_wait()? {
            // What it started may be left.
            signal(child, Signal::SIGKILL);
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    signal(child, Signal::SIGKILL);
    child.wait()
}

fn signal(child: &Child, signal: Signal) {
    if let Ok(group) = i32::try_from(child.id()) {
        // That it is gone already is no fault.
        let _ = killpg(Pid::from_raw(group), signal);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn only_a_mebibyte_is_progress() {
        let mut stall = Stall::new(Duration::ZERO);
        assert!(stall.at(ENOUGH - 1));
        let mut stall = Stall::new(Duration::MAX);
        assert!(!stall.at(0));
        assert!(!stall.at(ENOUGH));
        assert_eq!(stall.moved, ENOUGH);
        assert!(!stall.at(2 * ENOUGH - 1));
        assert_eq!(stall.moved, ENOUGH);
    }

    #[test]
    fn a_program_is_ended_with_all_it_started() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 & echo $!; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut stdout = io::BufReader::new(child.stdout.take().unwrap());
        io::BufRead::read_line(&mut stdout, &mut String::new()).unwrap();
        let status = end_group(&mut child).unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
        // Both held the pipe: it ends once both are gone.
        let mut rest = String::new();
        io::Read::read_to_string(&mut stdout, &mut rest).unwrap();
        assert_eq!(rest, "");
    }
}
