//! Everything that is tested, in one go.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::change::{self, Change};
use product::binaries::{Binaries, cargo};
use scenario::{Machines, Scenario, Tally};
use vm::{Kind, Vms, chaos, cuts, hostile, scenarios};

/// The emulated guest takes one scenario of this many in each run, other ones after each commit.
const IN_TURN: usize = 10;

/// In `--changed`, which may take five minutes, no scenario in the container is begun after this time, …
const IN_CONTAINER: Duration = Duration::from_secs(140);

/// … none on ZFS after this, …
const ON_ZFS: Duration = Duration::from_secs(220);

/// … and no restore is interrupted after this.
const INTERRUPTED: Duration = Duration::from_secs(270);

/// How much is tested.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Extent {
    /// All scenarios on users' kernels too: emulated Debian 13 and Debian 12
    #[arg(long, conflicts_with = "changed")]
    all: bool,
    /// Only what differs from the branch main, or uses what does: for work in progress
    #[arg(long)]
    changed: bool,
}

/// A run: what it has come to, and what its last lines say.
#[derive(Default)]
struct Run {
    sum: Tally,
    last_lines: Vec<String>,
}

/// Runs the tests of the crates, the scenarios in containers and in virtual machines. The last
/// line it prints is the sum: `N passed, M failed`. A part that cannot be run is one that failed.
pub(crate) fn run(extent: Extent) -> ExitCode {
    let mut run = Run::default();
    if extent.changed {
        run.part("what changed", changed);
    } else {
        whole(&mut run, extent.all);
    }
    for line in &run.last_lines {
        println!("{line}");
    }
    println!("{}", run.sum);
    if run.sum.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Run {
    /// What a thread has come to that panicked.
    fn of_a_panic() -> Self {
        let mut run = Self::default();
        run.part("a thread of this run", |_| bail!("it panicked"));
        run
    }

    /// Adds what another has come to.
    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.last_lines.extend(other.last_lines);
    }

    /// Runs a part, and gives whether it could be run.
    fn part(&mut self, name: &str, part: impl FnOnce(&mut Self) -> anyhow::Result<Tally>) {
        println!("{name}:");
        let since = Instant::now();
        match part(self) {
            Ok(tally) => {
                println!("{name}: {tally} in {:.0} s", since.elapsed().as_secs_f64());
                self.sum += tally;
            }
            Err(error) => {
                println!("FAILED {name}: {error:#}");
                self.sum.failed += 1;
            }
        }
    }
}

/// Makes room when it is dropped, also when its thread panics.
struct MakesRoom(Arc<OnceLock<()>>);

impl Drop for MakesRoom {
    fn drop(&mut self) {
        self.0.set(()).ok();
    }
}

fn whole(run: &mut Run, all: bool) {
    // Half an hour on a new machine, beside what needs no virtual machine.
    let quick = thread::spawn(vm::build_quick);
    // An emulated machine keeps little more than one processor busy, and gives way to others. Until it is done, containers
    // have the other processors, one each, and then one quick machine: more would only keep each other waiting.
    let room = Arc::new(OnceLock::new());
    let makes_room = MakesRoom(Arc::clone(&room));
    let beside = thread::spawn(move || {
        let _makes_room = makes_room;
        on_users_kernels(all)
    });
    run.part("tests of the crates", |_| crates(None));
    run.part("scenarios in the container", |run| {
        let scenarios = scenario::longest_first(container::scenarios()?);
        let jobs = container::processors().saturating_sub(1).max(1);
        let tally = container::run_scenarios(&Binaries::build()?, &scenarios, jobs, None)?;
        run.last_lines
            .push(format!("mean scenario in the container: {}", tally.mean()));
        Ok(tally)
    });
    let built = joined(quick);
    if built.is_ok() {
        run.part("scenarios on the quick guest", |run| quick_ones(run, &room));
    }
    run.add(beside.join().unwrap_or_else(|_| Run::of_a_panic()));
    match built {
        Ok(()) => {
            run.part("interrupted restores on the quick guest", |_| {
                interrupted(&to_interrupt(Kind::Quick)?, None)
            });
            run.part("a hostile user on the quick guest", |_| {
                with_a_hostile_user(Kind::Quick)
            });
        }
        Err(error) => {
            let why = reason(&format!("{error:#}")).to_owned();
            if !all {
                run.part("the other scenarios, emulated", |run| {
                    let judged: BTreeSet<String> =
                        judged()?.into_iter().map(|one| one.name).collect();
                    let mut others = scenarios::find()?;
                    others.retain(|one| !judged.contains(&one.name));
                    emulated(run, Kind::Trixie, &others)
                });
            }
            run.part("interrupted restores, emulated", |_| {
                interrupted(&to_interrupt(Kind::Trixie)?, None)
            });
            run.part("a hostile user, emulated", |_| {
                with_a_hostile_user(Kind::Trixie)
            });
            run.last_lines.push(format!(
                "the quick guest could not be built, the emulated one did its work: {why}"
            ));
        }
    }
}

/// All scenarios that can be run there, on one quick machine until there is room for more.
fn quick_ones(run: &mut Run, room: &OnceLock<()>) -> anyhow::Result<Tally> {
    let vms = Vms::open(&Binaries::build()?, Kind::Quick)?;
    let machines = Machines {
        room: Some(room),
        ..vms.machines()
    };
    let all = scenario::longest_first(scenarios::find()?);
    let tally = scenarios::run(&vms, &all, false, machines)?;
    run.last_lines.push(format!(
        "mean scenario on the {} guest: {}",
        vms.name(),
        tally.mean()
    ));
    Ok(tally)
}

/// The scenarios that users' kernels are asked about: all, or those of [`judged`].
fn on_users_kernels(all: bool) -> Run {
    let mut run = Run::default();
    if all {
        for kind in [Kind::Trixie, Kind::Bookworm] {
            run.part("scenarios on a user's kernel", |run| {
                emulated(run, kind, &scenarios::find()?)
            });
        }
    } else {
        run.part("scenarios on a user's kernel", |run| {
            emulated(run, Kind::Trixie, &judged()?)
        });
    }
    run
}

/// The line of what a failed build printed that says why: the first error of apt's, else the last line.
fn reason(printed: &str) -> &str {
    let said = printed.lines().find(|line| line.starts_with("E: "));
    said.or_else(|| printed.lines().last()).unwrap_or_default()
}

fn joined(building: JoinHandle<anyhow::Result<()>>) -> anyhow::Result<()> {
    let waiting = !building.is_finished();
    if waiting {
        println!("waiting for the quick guest to be built");
    }
    building
        .join()
        .unwrap_or_else(|_| Err(anyhow::anyhow!("the thread that builds it panicked")))
}

/// The scenarios that the emulated guest takes in a run that does not take all: some in turn, those that changed, and
/// those that need more than one processor, of which the quick guest has no more.
fn judged() -> anyhow::Result<Vec<Scenario>> {
    let change = Change::since_main().unwrap_or_else(|error| {
        println!("nothing counts as changed: {error:#}");
        Change::default()
    });
    let turn = change::number_of_commits();
    let numbered = scenarios::find()?.into_iter().enumerate();
    let judged = numbered.filter(|(number, scenario)| {
        let needs = scenario.header("needs").unwrap_or_default();
        // On that guest it takes many minutes: `--all` has it.
        if scenario.header("long").is_some() {
            return false;
        }
        (number + turn).is_multiple_of(IN_TURN)
            || change.has(scenario)
            || needs.split(',').any(|need| need.trim() == "smp")
    });
    Ok(judged.map(|(_, scenario)| scenario).collect())
}

fn emulated(run: &mut Run, kind: Kind, selected: &[Scenario]) -> anyhow::Result<Tally> {
    let vms = Vms::open(&Binaries::build()?, kind)?;
    let tally = scenarios::run(&vms, selected, false, vms.machines())?;
    run.last_lines.push(format!(
        "on the {} guest: {} of {} scenarios, {}",
        vms.name(),
        selected.len(),
        scenarios::find()?.len(),
        tally.mean()
    ));
    Ok(tally)
}

/// `cargo test` of these crates, or of all, as it prints itself.
fn crates(names: Option<&BTreeSet<String>>) -> anyhow::Result<Tally> {
    container::require()?;
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]);
    // What the values of one run show is shown again where as many commits are. The next commit draws others.
    let seed = change::number_of_commits();
    println!("PROPTEST_RNG_SEED={seed}");
    command.env("PROPTEST_RNG_SEED", seed.to_string());
    match names {
        None => command.arg("--workspace"),
        Some(names) => command.args(names.iter().map(|name| format!("--package={name}"))),
    };
    let mut tests = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo test")?;
    let mut tally = Tally::default();
    let output = tests.stdout.take().context("cargo test's output")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("cargo test's output")?;
        println!("{line}");
        if let Some(result) = of_one_binary(&line) {
            tally += result;
        }
    }
    let status = tests.wait().context("cargo test")?;
    if !status.success() && tally.failed == 0 {
        // It was not built, or died.
        tally.failed += 1;
    }
    Ok(tally)
}

/// The numbers in a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
fn of_one_binary(line: &str) -> Option<Tally> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        numbers
            .split("; ")
            .find_map(|part| part.strip_suffix(what)?.trim().parse().ok())
    };
    Some(Tally {
        passed: number("passed")?,
        failed: number("failed")?,
        ..Tally::default()
    })
}

/// Machines whose helpers can be stopped at their steps.
fn to_interrupt(kind: Kind) -> anyhow::Result<Vms> {
    Vms::open(&Binaries::build_with_failpoints()?, kind)
}

/// The short version of `cargo xtask vm cuts` and `cargo xtask vm chaos`. What is not begun in time is skipped.
fn interrupted(vms: &Vms, until: Option<Instant>) -> anyhow::Result<Tally> {
    let ways = cuts::ways(vms, &cuts::FEW_WAYS)?;
    let mut sum = cuts::short(vms, &ways, until)?;
    if until.is_none_or(|until| Instant::now() < until) {
        let protecting = cuts::ways(vms, &cuts::PROTECTING)?;
        sum += cuts::short(vms, &protecting, until)?;
    }
    sum += chaos::run(vms, &ways, &chaos::SHORT, until)?;
    Ok(sum)
}

/// The short version of `cargo xtask vm hostile`.
fn with_a_hostile_user(kind: Kind) -> anyhow::Result<Tally> {
    let vms = Vms::open(&Binaries::build_with_failpoints()?, kind)?;
    hostile::run(&vms, &hostile::SHORT)
}

/// The crates, scenarios, cuts and rounds that the change can touch, as many as there is time for: those whose own file
/// changed come first. All run with the helpers that can be stopped, since those are built in a fraction of the time.
fn changed(run: &mut Run) -> anyhow::Result<Tally> {
    let since = Instant::now();
    let change = Change::since_main()?;
    let mut sum = Tally::default();
    let crates_touched = change.crates()?;
    if !crates_touched.is_empty() {
        sum += crates(Some(&crates_touched))?;
    }
    let touched = |mut scenarios: Vec<Scenario>| {
        scenarios.retain(|scenario| change.touches(scenario));
        scenarios.sort_by_key(|scenario| !change.has(scenario));
        scenarios
    };
    let in_container = touched(container::scenarios()?);
    let in_vm = touched(scenarios::find()?);
    if !in_container.is_empty() {
        let built = Binaries::build_with_failpoints()?;
        sum += container::run_scenarios(
            &built,
            &in_container,
            container::processors(),
            Some(since + IN_CONTAINER),
        )?;
    }
    if !in_vm.is_empty() || change.touches_restores() {
        let vms = to_interrupt(Kind::Quick)?;
        let machines = Machines {
            until: Some(since + ON_ZFS),
            ..vms.machines()
        };
        sum += scenarios::run(&vms, &in_vm, false, machines)?;
        if change.touches_restores() && since.elapsed() < INTERRUPTED {
            sum += interrupted(&vms, Some(since + INTERRUPTED))?;
            sum += with_a_hostile_user(Kind::Quick)?;
        }
    }
    run.last_lines.push(format!(
        "changed: {} crates, {} scenarios",
        crates_touched.len(),
        in_container.len() + in_vm.len()
    ));
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_failed_says_why_in_one_line() {
        let apt = "\"mmdebstrap\" \"trixie\": exit status: 25:\nReading\nE: Failed to fetch x\nE: mmdebstrap failed to run";
        assert_eq!(reason(apt), "E: Failed to fetch x");
        assert_eq!(
            reason("kernel.sh: exit status: 1:\nno kernel's source"),
            "no kernel's source"
        );
    }

    #[test]
    fn the_result_of_one_binary_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let expected = Tally {
            passed: 12,
            failed: 3,
            ..Tally::default()
        };
        assert_eq!(of_one_binary(line), Some(expected));
        assert_eq!(of_one_binary("test a ... ok"), None);
    }
}
