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

/// The bytes a process has read and written, files and network alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Io {
    /// The bytes it has read.
    pub read: u64,
    /// The bytes it has written.
    pub written: u64,
}

impl Io {
    /// Reads the text of `/proc/PID/io` (proc_pid_io(5)); `None` if it lacks one of the two.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let count = |name: &str| {
            let mut lines = text.lines();
            let count = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
            count.trim().parse().ok()
        };
        Some(Self {
            read: count("rchar")?,
            written: count("wchar")?,
        })
    }

    /// Both together.
    #[must_use]
    pub fn moved(self) -> u64 {
        self.read.saturating_add(self.written)
    }
}

/// What a process and those it has waited for have moved until now; `None` if that cannot be told.
#[must_use]
pub fn io_of(process: u32) -> Option<Io> {
    Io::parse(&std::fs::read_to_string(format!("/proc/{process}/io")).ok()?)
}

/// Watches how much something has moved.
#[derive(Debug, Clone)]
pub struct Stall {
    timeout: Duration,
    enough: u64,
    since: Instant,
    moved: u64,
}

impl Stall {
    /// It is over once less than a MiB was moved for `timeout`; [`Duration::MAX`]: never.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self::of_less(timeout, ENOUGH)
    }

    /// The same for what moves little: it is over once less than `enough` bytes were moved for `timeout`.
    #[must_use]
    pub fn of_less(timeout: Duration, enough: u64) -> Self {
        Self {
            timeout,
            enough,
            since: Instant::now(),
            moved: 0,
        }
    }

    /// `moved` bytes have been moved in all. Gives whether it has stood still for too long.
    pub fn at(&mut self, moved: u64) -> bool {
        if moved >= self.moved.saturating_add(self.enough) {
            self.moved = moved;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.timeout
    }

    /// For how long nothing has moved.
    #[must_use]
    pub fn still(&self) -> Duration {
        self.since.elapsed()
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
/// When its end cannot be waited for, also since it cannot be killed: it hangs in the kernel, and is left behind.
pub fn end_group(child: &mut Child) -> io::Result<ExitStatus> {
    signal(child, Signal::SIGTERM);
    if let Some(status) = ended_in_time(child)? {
        // What it started may be left.
        signal(child, Signal::SIGKILL);
        return Ok(status);
    }
    signal(child, Signal::SIGKILL);
    ended_in_time(child)?.ok_or_else(|| {
        let what = format!(
            "process {} cannot be killed, and is left behind",
            child.id()
        );
        io::Error::new(io::ErrorKind::TimedOut, what)
    })
}

/// Waits for the end of a program, but not for long.
fn ended_in_time(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
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
