//! Who holds a lock, and whether it still does anything.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How long a holder may stand still at least: a busy machine is not a stuck one.
const AT_LEAST: Duration = Duration::from_secs(5);

/// Who holds a lock.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    process: Option<u32>,
    name: Option<String>,
    /// How often its threads have waited for something until now: one that is stuck does not any more.
    waited: Option<u64>,
}

impl Holder {
    /// Of the lock on the file with this inode, as the kernel tells it.
    fn of(inode: u64) -> Self {
        let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
        let process = holder_in(&locks, inode);
        let name = process.and_then(|process| {
            let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
            Some(name.trim_end().to_owned())
        });
        Self {
            process,
            name,
            waited: process.and_then(times_waited),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.process, &self.name) {
            (Some(process), Some(name)) => write!(f, "{name}, process {process}"),
            (Some(process), None) => {
                write!(f, "a program that process {process} left behind")
            }
            (None, _) => f.write_str("somebody"),
        }
    }
}

/// The process that took the lock on the file with this inode, in the text of `/proc/locks` (proc_locks(5)).
pub(crate) fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        // 1: FLOCK ADVISORY WRITE 1234 00:19:5678 0 EOF; waiters have `->` after the number.
        let mut fields = line.split_whitespace().skip(1);
        if fields.next()? != "FLOCK" {
            return None;
        }
        let process = fields.nth(2)?.parse().ok()?;
        let file = fields.next()?.rsplit(':').next()?;
        (file.parse() == Ok(inode) && process > 0).then_some(process)
    })
}

/// How often the threads of a process have given up the processor by themselves (proc_pid_status(5)).
fn times_waited(process: u32) -> Option<u64> {
    let mut times = 0_u64;
    for task in std::fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        times = times.saturating_add(count.trim().parse().ok()?);
    }
    Some(times)
}

/// A wait for the lock on a file.
#[derive(Debug)]
pub struct Wait {
    inode: u64,
    at_most: Duration,
    holder: Holder,
    since: Instant,
}

impl Wait {
    /// For a file that another process has locked. Its holder may stand still for `at_most`, and for 5 seconds in any case.
    ///
    /// # Errors
    /// As fstat(2).
    pub fn on(file: &File, at_most: Duration) -> io::Result<Self> {
        let inode = file.metadata()?.ino();
        Ok(Self {
            inode,
            at_most: at_most.max(AT_LEAST),
            holder: Holder::of(inode),
            since: Instant::now(),
        })
    }

    /// Looks who holds it. Gives whether that one has stood still for too long: it does nothing more, or is gone and left
    /// programs behind that do not.
    pub fn is_over(&mut self) -> bool {
        let holder = Holder::of(self.inode);
        self.is_over_for(holder)
    }

    fn is_over_for(&mut self, holder: Holder) -> bool {
        if (holder.process, holder.waited) != (self.holder.process, self.holder.waited) {
            self.since = Instant::now();
        }
        self.holder = holder;
        self.since.elapsed() >= self.at_most
    }

    /// Who held it at the last look, in words.
    #[must_use]
    pub fn holder(&self) -> String {
        self.holder.to_string()
    }

    /// For how long that one has stood still.
    #[must_use]
    pub fn stood_still(&self) -> Duration {
        self.since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_holder_is_found_among_all_locks() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 00:19:77 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 fe:00:76 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:19:77 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 00:19:77 0 EOF\n";
        assert_eq!(holder_in(locks, 77), Some(13));
        assert_eq!(holder_in(locks, 78), None);
        assert_eq!(holder_in("x\n1: FLOCK\n", 77), None);
    }

    #[test]
    fn one_that_goes_on_is_waited_for() {
        let holder = |waited| Holder {
            process: Some(1),
            name: None,
            waited: Some(waited),
        };
        let mut wait = Wait {
            inode: 0,
            at_most: Duration::from_millis(30),
            holder: holder(0),
            since: Instant::now(),
        };
        for waited in 1..5 {
            std::thread::sleep(Duration::from_millis(10));
            assert!(!wait.is_over_for(holder(waited)));
        }
        std::thread::sleep(Duration::from_millis(40));
        assert!(wait.is_over_for(holder(4)));
        assert!(times_waited(std::process::id()).is_some());
    }
}
