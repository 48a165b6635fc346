//! Restores that are interrupted at random moments: by power cuts, and by killing what is at work.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::forge::Forge;
use crate::forge::cuts::{BEDS, Way};
use crate::forge::guest::Unflushed;
use crate::scenario::{Failure, Tally, run_each};

/// What is interrupted how often.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Chaos {
    /// How many power cuts
    #[arg(long, default_value_t = 200)]
    pub(crate) cuts: usize,
    /// How many times a helper, zfs or restic is killed with SIGKILL
    #[arg(long, default_value_t = 0)]
    pub(crate) kills: usize,
    /// What the moments are drawn from: the same ones for the same number
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// What `cargo xtask test` does.
pub(crate) const SHORT: Chaos = Chaos {
    cuts: 2,
    kills: 5,
    seed: 1,
};

/// Who may be killed, and which ways run it.
const VICTIMS: [(&str, &[&str]); 4] = [
    ("preseed-helper", &BEDS),
    ("dataset-helper", &BEDS),
    // Not in a rollback: if it is what was killed, a clone of the same snapshot may rightly take its place.
    (
        "zfs",
        &["clone", "encrypted", "receive", "emptied", "restic"],
    ),
    ("restic", &["restic", "directory"]),
];

/// At most this many interruptions, one after the other, before a restore is let through.
const IN_A_ROW: usize = 6;

/// One restore, and what interrupts it.
struct Life<'a> {
    way: &'a Way,
    interruptions: Vec<Interruption>,
}

enum Interruption {
    /// The power, after this share of the time that a restore, or a boot with one, takes.
    Cut(f64),
    /// SIGKILL to a program, as soon as it runs after this share of the time.
    Kill(&'static str, f64),
}

/// Interrupts restores, and prints a line for each and the sums.
pub(crate) fn run(forge: &Forge, ways: &[Way], chaos: &Chaos) -> Tally {
    let mut rng = Rng::with_seed(chaos.seed);
    let mut lives = Vec::new();
    lives.extend(drawn(ways, chaos.cuts, |_| Interruption::Cut(rng.f64())));
    let mut rng = Rng::with_seed(!chaos.seed);
    lives.extend(drawn(ways, chaos.kills, |way| {
        let victims: Vec<&str> = VICTIMS
            .iter()
            .filter(|(_, ways)| ways.contains(&way))
            .map(|(victim, _)| *victim)
            .collect();
        let victim = victims[rng.usize(..victims.len())];
        let share = rng.f64();
        // It is at work only in the beginning.
        let is_first = victim == "dataset-helper";
        Interruption::Kill(victim, if is_first { 0.0 } else { share })
    }));
    let boot = boot_seconds(forge, ways);
    let killed = AtomicUsize::new(0);
    let tally = run_each(forge.machines(), &lives, Life::name, |life| {
        let ended = live(forge, life, boot, &killed)?;
        Ok(ended.map_err(|output| Failure { output }))
    });
    println!(
        "chaos: {} power cuts, {} kills of which {} met something at work, {} recoveries, {} losses (seed {})",
        chaos.cuts,
        chaos.kills,
        killed.into_inner(),
        tally.passed,
        tally.failed,
        chaos.seed
    );
    tally
}

/// Restores, each way in turn, with `count` interruptions in all.
fn drawn(ways: &[Way], count: usize, mut draw: impl FnMut(&str) -> Interruption) -> Vec<Life<'_>> {
    let mut left = count;
    let mut lives = Vec::new();
    for way in ways.iter().cycle() {
        if left == 0 {
            break;
        }
        // One to six in turn, each way coming to each.
        let wanted = 1 + (lives.len() + lives.len() / ways.len()) % IN_A_ROW;
        let interruptions: Vec<_> = (0..wanted.min(left)).map(|_| draw(way.name)).collect();
        left -= interruptions.len();
        lives.push(Life { way, interruptions });
    }
    lives
}

impl Life<'_> {
    fn name(&self) -> String {
        let mut name = self.way.name.to_owned();
        for interruption in &self.interruptions {
            // Writing to a string cannot fail.
            let _ = match interruption {
                Interruption::Cut(share) => write!(name, ", cut at {:.0} %", share * 100.0),
                Interruption::Kill(victim, share) => {
                    write!(name, ", {victim} killed from {:.0} % on", share * 100.0)
                }
            };
        }
        name
    }
}

/// How long a boot takes from the power switch to its end, with a restore in it: about.
fn boot_seconds(forge: &Forge, ways: &[Way]) -> f64 {
    let since = Instant::now();
    let booted = ways.first().map(|way| {
        let mut machine = way.machine(forge, Unflushed::Kept)?;
        machine.power_cut()
    });
    match booted {
        Some(Ok(())) => since.elapsed().as_secs_f64(),
        // The lives will tell what is wrong.
        Some(Err(_)) | None => 30.0,
    }
}

/// Lives it through, and counts the kills that met something at work.
fn live(
    forge: &Forge,
    life: &Life<'_>,
    boot: f64,
    killed: &AtomicUsize,
) -> anyhow::Result<Result<(), String>> {
    let mut machine = life.way.machine(forge, Unflushed::Kept)?;
    let restore = life.way.restore.as_secs_f64();
    let mut output = Vec::new();
    let mut is_on = true;
    for interruption in &life.interruptions {
        match interruption {
            Interruption::Cut(share) => {
                let moment = if is_on {
                    machine.run("systemctl start --no-block sonarr", &mut output)?;
                    share * restore
                } else {
                    machine.switch_on()?;
                    share * boot
                };
                // The moment is what is drawn: there is nothing to wait for.
                thread::sleep(Duration::from_secs_f64(moment));
                machine.kill()?;
                is_on = false;
            }
            Interruption::Kill(victim, share) => {
                let mut said = Vec::new();
                machine.run(&kill(victim, share * restore), &mut said)?;
                if said.starts_with(KILLED.as_bytes()) {
                    killed.fetch_add(1, Ordering::Relaxed);
                }
                output.extend(said);
            }
        }
    }
    if is_on {
        machine.run(FINISH, &mut output)?;
    } else {
        machine.switch_on()?;
        machine.await_boot()?;
    }
    let ended = life.way.has_ended_well(&mut machine)?;
    Ok(ended.map_err(|difference| String::from_utf8_lossy(&output).into_owned() + &difference))
}

/// The start after what was killed; after a cut, the boot makes it.
const FINISH: &str = "systemctl reset-failed; systemctl start sonarr";

/// What the script says if it has killed something.
const KILLED: &str = "killed";

/// Begins a restore, and kills `victim` as soon as it runs after `moment` seconds.
fn kill(victim: &str, moment: f64) -> String {
    format!(
        "
has_jobs() {{ systemctl list-jobs --no-legend | grep -q -e sonarr; }}
systemctl reset-failed
systemctl start --no-block sonarr
sleep {moment:.2}
# What runs for a moment is met only by who looks often.
is_met() {{ for _ in {{1..50}}; do pkill --signal KILL --exact {victim} && return; done; }}
until is_met && echo {KILLED}; do
    has_jobs || break
done
while has_jobs; do sleep 0.1; done
"
    )
}
