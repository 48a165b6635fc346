//! Runs scenarios, and whatever else has a name and a result, on several machines at a time.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::facts::Facts;
use crate::file::Scenario;

/// Those of `scenarios` that can pass on machines of a kind (the word for it) that have these `facts`, and how many
/// are left out. Each of those is told with the reason.
///
/// # Errors
/// What one needs cannot be read.
pub fn able<'a>(
    machine: &str,
    scenarios: &'a [Scenario],
    facts: &Facts,
) -> anyhow::Result<(Vec<&'a Scenario>, usize)> {
    let mut able = Vec::new();
    for scenario in scenarios {
        let lack = match scenario.header("needs") {
            Some(needs) => facts.lack(needs).with_context(|| scenario.name.clone())?,
            None => None,
        };
        match lack {
            Some(reason) => println!("skipped          {machine}: {}: {reason}", scenario.name),
            None => able.push(scenario),
        }
    }
    let skipped = scenarios.len() - able.len();
    Ok((able, skipped))
}

/// How many passed, how many did not, and how many were skipped. Prints as `N passed, M failed, K skipped`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Did not pass.
    pub failed: usize,
    /// Were not run.
    pub skipped: usize,
    /// How long those took that were run on machines, added up.
    pub time: Duration,
}

impl Tally {
    /// The mean time of those that were run, in words.
    pub fn mean(&self) -> String {
        let count = self.passed + self.failed;
        let mean =
            self.time.as_secs_f64() / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX));
        format!("{count} in {mean:.1} s each")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.time += other.time;
    }
}

/// What a scenario that failed had printed.
pub struct Failure {
    /// As it was printed.
    pub output: String,
}

/// The machines that something is run on.
#[derive(Debug, Clone, Copy)]
pub struct Machines<'a> {
    /// The word for their kind.
    pub kind: &'a str,
    /// How many there are at a time.
    pub jobs: usize,
    /// From when on nothing is begun any more.
    pub until: Option<Instant>,
    /// Set once there is room for more than one; `None`: there is.
    pub room: Option<&'a OnceLock<()>>,
}

/// Runs `all` on machines, and prints a line for each, with its `name`, and, for those that fail, what they had
/// printed. A machine that does not work fails them. One job runs on the calling thread, the others once there is
/// room. What is not begun in time is skipped.
pub fn run_each<T: Sync>(
    machines: Machines<'_>,
    all: &[T],
    name: impl Fn(&T) -> String + Sync,
    run: impl Fn(&T) -> anyhow::Result<Result<(), Failure>> + Sync,
) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let since = Instant::now();
            if machines.until.is_some_and(|until| since > until) {
                tally.lock().unwrap_or_else(PoisonError::into_inner).skipped += 1;
                continue;
            }
            let failure = match run(one) {
                Ok(Ok(())) => None,
                Ok(Err(failure)) => Some(failure.output),
                Err(error) => Some(format!("{error:#}\n")),
            };
            // One at a time prints, too.
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            *tally += print_result(machines.kind, &name(one), since.elapsed(), failure);
        }
    };
    thread::scope(|scope| {
        for _ in 1..machines.jobs {
            scope.spawn(|| {
                if let Some(room) = machines.room {
                    room.wait();
                }
                work();
            });
        }
        work();
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if tally.skipped > 0 {
        let (kind, skipped) = (machines.kind, tally.skipped);
        println!(
            "skipped          {kind}: {skipped} of {}: no time left",
            all.len()
        );
    }
    tally
}

fn print_result(machine: &str, name: &str, time: Duration, failure: Option<String>) -> Tally {
    let seconds = time.as_secs_f32();
    let Some(output) = failure else {
        println!("ok     {seconds:5.1} s  {machine}: {name}");
        return Tally {
            passed: 1,
            time,
            ..Tally::default()
        };
    };
    // In one go: those on machines of another kind print beside these.
    let mut lines = vec![format!("FAILED {seconds:5.1} s  {machine}: {name}")];
    lines.extend(output.lines().map(|line| format!("    {line}")));
    println!("{}", lines.join("\n"));
    Tally {
        failed: 1,
        time,
        ..Tally::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_job_runs_until_there_is_room_for_more() {
        let room = OnceLock::new();
        let machines = Machines {
            kind: "test",
            jobs: 2,
            until: None,
            room: Some(&room),
        };
        let ran_by = Mutex::new(Vec::new());
        let tally = run_each(machines, &[1, 2, 3], ToString::to_string, |number| {
            // Another job would begin meanwhile.
            (0..1000).for_each(|_| thread::yield_now());
            ran_by.lock().unwrap().push(thread::current().id());
            if *number == 3 {
                room.set(()).unwrap();
            }
            Ok(Ok(()))
        });
        assert_eq!(tally.passed, 3);
        let expected = vec![thread::current().id(); 3];
        assert_eq!(ran_by.into_inner().unwrap(), expected);
    }
}
