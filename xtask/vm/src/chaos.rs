//! Restores that are interrupted at random moments: by power cuts, and by killing what is at work.

mod done;
mod plan;

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use self::done::Done;
use self::plan::Met;
pub use self::plan::{Plan, SHORT};

use crate::Vms;
use crate::cuts::{WAYS, Way, script};
use crate::guest::Unflushed;
use crate::machine::Machine;
use scenario::{Failure, Tally, run_each};

/// Who may be killed, and which ways run it.
const VICTIMS: [(&str, &[&str]); 4] = [
    ("preseed-helper", &WAYS),
    ("dataset-helper", &WAYS),
    // Not in a rollback: if it is what was killed, a clone of the same snapshot may rightly take its place.
    (
        "zfs",
        &["clone", "encrypted", "receive", "emptied", "restic"],
    ),
    ("restic", &["restic", "directory"]),
];

/// At most this many interruptions, one after the other, before a restore is let through.
const IN_A_ROW: usize = 6;

/// Of this many restores, one is on disks with a cache of their own: what was not flushed is lost at each of its cuts.
const ONE_IN: usize = 10;

/// One restore, and what interrupts it.
struct Life<'a> {
    number: usize,
    way: &'a Way,
    interruptions: Vec<Interruption>,
    unflushed: Unflushed,
}

enum Interruption {
    /// The power, after this fraction of the time that a restore, or a boot with one, takes.
    Cut(f64),
    /// SIGKILL to a program, as soon as it runs after this fraction of the time.
    Kill(&'static str, f64),
}

/// Interrupts restores, and prints a line for each and the sums. What an earlier run of the same build has done with the
/// same numbers is not done again, unless the plan is to begin anew. Those that are not begun in time are left.
///
/// # Errors
/// What has been done cannot be read or noted.
pub fn run(vms: &Vms, ways: &[Way], chaos: &Plan, until: Option<Instant>) -> anyhow::Result<Tally> {
    let lives = lives(vms, ways, chaos);
    let done = Done::open(vms, chaos)?;
    let mut left: Vec<&Life<'_>> = lives.iter().collect();
    match chaos.only {
        Some(only) => left.retain(|life| life.number == only),
        None => left.retain(|life| !done.has(life.number)),
    }
    let boot = boot_seconds(vms, ways);
    let mut machines = vms.machines();
    machines.until = until;
    let tally = run_each(
        machines,
        &left,
        |life| life.name(),
        |life| {
            let mut met = Met::default();
            let mut machine = life.way.machine(vms, life.unflushed)?;
            let ended = live(&mut machine, life, boot, &mut met)
                .unwrap_or_else(|error| Err(format!("{error:#}\n")));
            if ended.is_ok() {
                done.add(life.number, met)?;
            }
            Ok(ended.map_err(|output| Failure {
                output: output + &shown_again(vms, chaos, life, machine),
            }))
        },
    );
    if chaos.only.is_none() {
        let (recoveries, met) = done.sum()?;
        println!(
            "chaos on the {} guest: {} power cuts, of which {} lost what was not flushed ({} KB in all), {} kills of which {} met \
             something at work: {recoveries} recoveries, {} losses, {} of {} restores left (seed {})",
            vms.name(),
            met.cuts,
            met.cuts_with_loss,
            met.unflushed / 1024,
            met.kills,
            met.at_work,
            tally.failed,
            lives.len() - recoveries - tally.failed,
            lives.len(),
            chaos.seed
        );
    }
    Ok(tally)
}

/// How a restore that lost something is looked into.
fn shown_again(vms: &Vms, chaos: &Plan, life: &Life<'_>, machine: Machine<'_>) -> String {
    let name = format!("chaos-{}-{}", chaos.seed, life.number);
    let disks = match vms.keep_disks(machine, &name) {
        Ok(directory) => format!(
            "its disks are kept: cargo xtask vm shell --disks {}\n",
            directory.display()
        ),
        Err(error) => format!("its disks could not be kept: {error:#}\n"),
    };
    let Plan {
        cuts, kills, seed, ..
    } = chaos;
    let number = life.number;
    format!(
        "{disks}once more: cargo xtask vm chaos --cuts {cuts} --kills {kills} --seed {seed} --only {number}\n"
    )
}

/// All restores of a run, the same ones for the same numbers.
fn lives<'a>(vms: &Vms, ways: &'a [Way], chaos: &Plan) -> Vec<Life<'a>> {
    let mut rng = Rng::with_seed(chaos.seed);
    let mut lives = drawn(ways, chaos.cuts, |_| Interruption::Cut(rng.f64()));
    let mut rng = Rng::with_seed(!chaos.seed);
    lives.extend(drawn(ways, chaos.kills, |way| {
        let victims: Vec<&str> = VICTIMS
            .iter()
            .filter(|(_, ways)| ways.contains(&way))
            .map(|(victim, _)| *victim)
            .collect();
        let victim = victims[rng.usize(..victims.len())];
        let fraction = rng.f64();
        // It is at work only in the beginning.
        let is_first = victim == "dataset-helper";
        Interruption::Kill(victim, if is_first { 0.0 } else { fraction })
    }));
    for (number, life) in lives.iter_mut().enumerate() {
        life.number = number;
        // Ten and the number of ways have no common factor: each way comes to it.
        if vms.can_lose_unflushed() && number % ONE_IN == ONE_IN / 2 {
            life.unflushed = Unflushed::Lost;
        }
    }
    lives
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
        lives.push(Life {
            number: 0,
            way,
            interruptions,
            unflushed: Unflushed::Kept,
        });
    }
    lives
}

impl Life<'_> {
    fn name(&self) -> String {
        let mut name = format!("{} {}", self.number, self.way.name);
        if self.unflushed == Unflushed::Lost {
            name += " on disks with a cache";
        }
        for interruption in &self.interruptions {
            // Writing to a string cannot fail.
            let _ = match interruption {
                Interruption::Cut(fraction) => write!(name, ", cut at {:.0} %", fraction * 100.0),
                Interruption::Kill(victim, fraction) => {
                    write!(name, ", {victim} killed from {:.0} % on", fraction * 100.0)
                }
            };
        }
        name
    }
}

/// How long a boot takes from the power switch to its end, with a restore in it: about.
fn boot_seconds(vms: &Vms, ways: &[Way]) -> f64 {
    let since = Instant::now();
    let booted = ways.first().map(|way| {
        let mut machine = way.machine(vms, Unflushed::Kept)?;
        machine.power_cut()
    });
    match booted {
        Some(Ok(())) => since.elapsed().as_secs_f64(),
        // The lives will tell what is wrong.
        Some(Err(_)) | None => 30.0,
    }
}

/// Lives it through, and notes what it meets.
fn live(
    machine: &mut Machine<'_>,
    life: &Life<'_>,
    boot: f64,
    met: &mut Met,
) -> anyhow::Result<Result<(), String>> {
    let restore = life.way.restore.as_secs_f64();
    let mut output = Vec::new();
    let mut is_on = true;
    for interruption in &life.interruptions {
        match interruption {
            Interruption::Cut(fraction) => {
                let moment = if is_on {
                    machine.run("systemctl start --no-block sonarr", &mut output)?;
                    fraction * restore
                } else {
                    machine.switch_on()?;
                    fraction * boot
                };
                // The moment is what is drawn: there is nothing to wait for.
                thread::sleep(Duration::from_secs_f64(moment));
                met.unflushed += machine.kill()?;
                met.cuts += 1;
                met.cuts_with_loss += u64::from(life.unflushed == Unflushed::Lost);
                is_on = false;
            }
            Interruption::Kill(victim, fraction) => {
                let mut said = Vec::new();
                machine.run(&kill(victim, fraction * restore), &mut said)?;
                met.kills += 1;
                met.at_work += u64::from(said.starts_with(KILLED.as_bytes()));
                output.extend(said);
            }
        }
    }
    if is_on {
        machine.run(FINISH, &mut output)?;
    } else {
        machine.switch_on()?;
        machine.await_boot()?;
        let mut said = Vec::new();
        let status = machine.run(&script("import")?, &mut said)?;
        let said = String::from_utf8_lossy(&said);
        if status != 0 {
            return Ok(Err(said.into_owned()));
        }
        if !said.is_empty() {
            println!("{}: {}", life.name(), said.trim_end());
        }
        output.extend(said.as_bytes());
    }
    let ended = life.way.has_ended_well(machine)?;
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
