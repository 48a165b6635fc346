//! A program and all that it started, also what it has let go of: read from /proc (proc_pid_stat(5)).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// How long is tried to end what is left of a program. What cannot be killed (it waits for a disk) is left behind.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process, as far as it tells whose it is.
#[derive(Debug, Clone, Copy)]
struct Process {
    id: i32,
    parent: i32,
    session: i32,
    is_dead: bool,
}

/// What a program started, from when it was started.
#[derive(Debug)]
pub(crate) struct Family {
    leader: i32,
    /// Our children that were there before, which are none of it.
    others: BTreeSet<i32>,
    /// The user it runs as, who is not root.
    user: Option<u32>,
}

impl Family {
    /// Call before the program is started. What it lets go of becomes a child of ours from then on.
    pub(crate) fn before() -> BTreeSet<i32> {
        // Where that is refused, only what stays in the program's session is found.
        let _ = prctl::set_child_subreaper(true);
        let own = own();
        let children = all().into_iter().filter(|process| process.parent == own);
        children.map(|process| process.id).collect()
    }

    /// Of the program that leads the session `leader`, started as `user`.
    pub(crate) fn of(leader: u32, user: Option<u32>, mut others: BTreeSet<i32>) -> Self {
        let leader = i32::try_from(leader).unwrap_or_default();
        others.remove(&leader);
        Self {
            leader,
            others,
            user: user.filter(|user| *user != 0),
        }
    }

    /// Asks all of it to end.
    pub(crate) fn ask(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Kills all of it, and what that leaves, until nothing is left. Gives whether nothing is.
    pub(crate) fn kill(&self) -> bool {
        let began = Instant::now();
        loop {
            if self.signal(Signal::SIGKILL) == 0 {
                return true;
            }
            if began.elapsed() >= PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Gives how many are alive.
    fn signal(&self, signal: Signal) -> usize {
        let mut alive = 0;
        for process in self.members() {
            let id = Pid::from_raw(process.id);
            if !process.is_dead {
                alive += 1;
                // That it is gone already is no fault.
                let _ = kill(id, signal);
            }
            if process.parent == own() && process.id != self.leader {
                // The leader is waited for by who started it.
                let _ = waitpid(id, Some(WaitPidFlag::WNOHANG));
            }
        }
        alive
    }

    fn members(&self) -> Vec<Process> {
        let all = all();
        let mut known: BTreeSet<i32> = all
            .iter()
            .filter(|process| {
                process.id == self.leader
                    || process.session == self.leader
                    || process.parent == own() && self.let_go(process)
            })
            .map(|process| process.id)
            .collect();
        // Children of theirs, to any depth.
        loop {
            let before = known.len();
            for process in &all {
                if known.contains(&process.parent) {
                    known.insert(process.id);
                }
            }
            if known.len() == before {
                break;
            }
        }
        all.into_iter()
            .filter(|process| known.contains(&process.id))
            .collect()
    }

    /// Whether a child of ours is one that the program has let go of.
    fn let_go(&self, process: &Process) -> bool {
        !self.others.contains(&process.id)
            && self
                .user
                .is_some_and(|user| user_of(process.id) == Some(user))
    }
}

fn own() -> i32 {
    nix::unistd::getpid().as_raw()
}

fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
            read(id, &String::from_utf8_lossy(&stat))
        })
        .collect()
}

/// The program's name, in parentheses, may hold anything.
fn read(id: i32, stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process {
        id,
        parent,
        session,
        is_dead: matches!(state, "Z" | "X"),
    })
}

fn user_of(id: i32) -> Option<u32> {
    let status = std::fs::read(format!("/proc/{id}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let process = read(7, "7 (a) R 1 (b) c) S 3 7 9 0 -1").unwrap();
        assert_eq!((process.parent, process.session), (3, 9));
        assert!(read(7, "7 (a) Z 3 7 9 0").unwrap().is_dead);
        assert!(read(7, "7 (a").is_none());
        assert!(read(7, "").is_none());
    }
}
