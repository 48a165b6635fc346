//! A hostile user: what one of the services' users does to its directories while root restores, checks and releases.
//! Nothing outside those may change, nothing may hang, and the user may gain nothing.

use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::Vms;
use crate::guest::Unflushed;
use crate::prepared_machine::PreparedMachine;
use product::binaries::workspace;
use scenario::{Failure, Tally, run_each};

/// How many rounds, and what is done in them.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Plan {
    /// How many rounds
    #[arg(long, default_value_t = 20)]
    pub rounds: usize,
    /// What is drawn from: the same acts in the same order for the same number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only up to the round of this number, and only what was in the same boot before it
    #[arg(long)]
    pub only: Option<usize>,
    /// Begin nothing after this many minutes
    #[arg(long)]
    pub minutes: Option<u64>,
}

/// What `cargo xtask test` does.
pub const SHORT: Plan = Plan {
    rounds: 2,
    seed: 1,
    only: None,
    minutes: None,
};

/// Where services keep their data on the machines, one kind after the other.
const BACKENDS: [&str; 2] = ["zfs", "directory"];

/// At most this many rounds in one boot.
const IN_A_BOOT: usize = 4;

/// How long a round may take: far more than all its deadlines together would allow is a hang as well.
const ROUND: Duration = Duration::from_mins(20);

/// The files of `tests/vm/hostile` that a machine gets.
const PROGRAMS: [&str; 2] = ["mallory.py", "manifest.py"];

/// A machine, and the rounds it goes through.
struct Boot<'a> {
    prepared: &'a PreparedMachine,
    backend: &'static str,
    rounds: std::ops::Range<usize>,
}

/// What the rounds have come to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    rounds: usize,
    restores: usize,
    refusals: usize,
    /// What root has done besides, each with a deadline.
    actions: usize,
    /// How often the user met a check at work, and did something to it.
    checks_disturbed: usize,
    breaches: usize,
    hangs: usize,
}

/// Goes through the rounds, and prints a line for each boot and the sums.
///
/// # Errors
/// A machine cannot be prepared.
pub fn run(vms: &Vms, plan: &Plan) -> anyhow::Result<Tally> {
    let prepared = prepare_all(vms)?;
    let boots = planned(plan, &prepared);
    let mut machines = vms.machines();
    machines.until = plan
        .minutes
        .map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let sum = Mutex::new(Sum::default());
    let name = |boot: &Boot<'_>| {
        let (first, last) = (boot.rounds.start, boot.rounds.end - 1);
        format!("rounds {first} to {last} on the {} backend", boot.backend)
    };
    let tally = run_each(machines, &boots, name, |boot| {
        go_through(vms, plan, boot, machines.until, &sum)
    });
    let sum = sum
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "hostile on the {} guest: {} rounds, {} restores, {} refusals with a reason, {} other actions of root's, {} checks \
         disturbed: {} breaches, {} hangs (seed {})",
        vms.name(),
        sum.rounds,
        sum.restores,
        sum.refusals,
        sum.actions,
        sum.checks_disturbed,
        sum.breaches,
        sum.hangs,
        plan.seed
    );
    Ok(tally)
}

/// The boots that the plan asks for, on one prepared machine after the other.
fn planned<'a>(plan: &Plan, prepared: &'a [(&'static str, PreparedMachine)]) -> Vec<Boot<'a>> {
    boots(plan)
        .into_iter()
        .zip(prepared.iter().cycle())
        .filter_map(|(mut rounds, (backend, prepared))| {
            if let Some(only) = plan.only {
                if !rounds.contains(&only) {
                    return None;
                }
                rounds.end = only + 1;
            }
            Some(Boot {
                prepared,
                backend,
                rounds,
            })
        })
        .collect()
}

/// Goes through the rounds of a boot, up to the first that finds something, and adds them up.
fn go_through(
    vms: &Vms,
    plan: &Plan,
    boot: &Boot<'_>,
    until: Option<Instant>,
    sum: &Mutex<Sum>,
) -> anyhow::Result<Result<(), Failure>> {
    let mut machine = vms.machine_from(boot.prepared, Unflushed::Kept)?;
    for round in boot.rounds.clone() {
        let since = Instant::now();
        if until.is_some_and(|until| since > until) {
            println!("no time left for round {round}");
            break;
        }
        let mut output = Vec::new();
        let script = round_script(boot, plan.seed, round)?;
        let status = machine.stage_within(ROUND, "round.sh", &script, &mut output);
        let output = String::from_utf8_lossy(&output).into_owned();
        let mut sum = sum
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        sum.add(&output);
        let problem = match status {
            Ok(0) => {
                println!(
                    "ok     {:5.1} s  {}: round {round}",
                    since.elapsed().as_secs_f32(),
                    vms.name()
                );
                continue;
            }
            Ok(status) => format!("exit status {status}"),
            Err(error) => {
                sum.hangs += 1;
                format!("{error:#}")
            }
        };
        return Ok(Err(Failure {
            output: format!(
                "{output}round {round}: {problem}\n{}",
                shown_again(plan, round)
            ),
        }));
    }
    Ok(Ok(()))
}

/// The rounds of each boot. There are two boots at least, so that each backend has one.
fn boots(plan: &Plan) -> Vec<std::ops::Range<usize>> {
    let length = plan.rounds.div_ceil(BACKENDS.len()).clamp(1, IN_A_BOOT);
    (0..plan.rounds)
        .step_by(length)
        .map(|first| first..plan.rounds.min(first + length))
        .collect()
}

/// How a round that found something is looked into.
fn shown_again(plan: &Plan, round: usize) -> String {
    let Plan { rounds, seed, .. } = plan;
    format!("once more: cargo xtask vm hostile --rounds {rounds} --seed {seed} --only {round}\n")
}

/// A machine for each backend.
fn prepare_all(vms: &Vms) -> anyhow::Result<Vec<(&'static str, PreparedMachine)>> {
    thread::scope(|scope| {
        let preparing =
            BACKENDS.map(|backend| (backend, scope.spawn(move || prepare(vms, backend))));
        let prepared = preparing.into_iter().map(|(backend, thread)| {
            let machine = thread
                .join()
                .unwrap_or_else(|_| bail!("the thread that prepares the machine panicked"))?;
            Ok((backend, machine))
        });
        prepared.collect()
    })
}

/// A machine with the user's services, and with what must never change.
fn prepare(vms: &Vms, backend: &str) -> anyhow::Result<PreparedMachine> {
    let mut script = "mkdir -p /usr/lib/preseed-tests/hostile\n".to_owned();
    for program in PROGRAMS {
        let text = file(program)?;
        writeln!(
            script,
            "cat >/usr/lib/preseed-tests/hostile/{program} <<'#end of the file#'\n{text}\n#end of the file#"
        )?;
    }
    write!(script, "backend={backend}\n{}", file("prepare.sh")?)?;
    vms.prepare(&format!("hostile-{backend}"), &script)
}

fn round_script(boot: &Boot<'_>, seed: u64, round: usize) -> anyhow::Result<String> {
    let number = round - boot.rounds.start;
    // A look at all of /usr takes a while.
    let extent = if round + 1 == boot.rounds.end {
        "all"
    } else {
        "''"
    };
    let boot_number = round / IN_A_BOOT;
    let number = number + boot_number;
    Ok(format!(
        "backend={} seed={seed} round={round} number={number} extent={extent}\n{}",
        boot.backend,
        file("round.sh")?
    ))
}

/// A file of `tests/vm/hostile`.
fn file(name: &str) -> anyhow::Result<String> {
    let path = workspace().join("tests/vm/hostile").join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

impl Sum {
    /// Adds what a round has printed.
    fn add(&mut self, output: &str) {
        self.rounds += 1;
        for line in output.lines() {
            self.breaches += usize::from(line.starts_with("BREACH"));
            self.hangs += usize::from(line.starts_with("HANG"));
            let Some(numbers) = line.strip_prefix("sum: ") else {
                continue;
            };
            let numbers: Vec<usize> = numbers
                .split(' ')
                .filter_map(|number| number.parse().ok())
                .collect();
            if let &[restores, refusals, actions, checks_disturbed] = numbers.as_slice() {
                self.restores += restores;
                self.refusals += refusals;
                self.actions += actions;
                self.checks_disturbed += checks_disturbed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_round_has_printed_is_added_up() {
        let mut sum = Sum::default();
        sum.add("refused: x\nBREACH: a\n    BREACH of another line\nHANG: b\nsum: 3 1 20 2\n");
        sum.add("sum: 1 0 10 0\n");
        let expected = Sum {
            rounds: 2,
            restores: 4,
            refusals: 1,
            actions: 30,
            checks_disturbed: 2,
            breaches: 1,
            hangs: 1,
        };
        assert_eq!(sum, expected);
    }

    #[test]
    fn each_backend_has_a_boot_and_each_round_is_in_one() {
        let plan = |rounds| Plan { rounds, ..SHORT };
        assert_eq!(boots(&plan(2)), [0..1, 1..2]);
        assert_eq!(boots(&plan(12)), [0..4, 4..8, 8..12]);
    }
}
