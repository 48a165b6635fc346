//! Restores, and what protects the data before, that are interrupted: at each of their steps, by a power cut.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::Vms;
use crate::guest::Unflushed;
use crate::machine::Machine;
use crate::prepared_machine::PreparedMachine;
use product::binaries::workspace;
use scenario::{Failure, Machines, Tally, run_each};

/// The ways in which data comes back, each with the machine that `tests/vm/cuts` prepares for it.
pub const WAYS: [&str; 10] = [
    "rollback",
    "clone",
    "encrypted",
    "sent",
    "unpromoted",
    "receive",
    "emptied",
    "restic",
    "directory",
    "places",
];

/// What an admin does by hand, prepared in the same way.
const BY_HAND: [&str; 5] = ["at", "undo", "places-at", "places-undo", "drill"];

/// What the timers do to keep data safe, prepared in the same way.
pub const PROTECTING: [&str; 2] = ["round", "backup"];

/// What is interrupted on the way `name`.
fn act(name: &str) -> &'static str {
    match name {
        "at" | "places-at" => {
            "preseedctl restore sonarr --snapshot good --yes >/dev/null 2>&1 && systemctl start sonarr"
        }
        "drill" => "preseedctl drill sonarr >/dev/null 2>&1 && systemctl start sonarr",
        "undo" | "places-undo" => {
            "preseedctl undo sonarr --yes >/dev/null 2>&1 && systemctl start sonarr"
        }
        "round" => {
            "date --set \"@$(cat /var/tmp/now)\" >/dev/null && systemctl start storage-snapshots && \
             systemctl start storage-snapshots-proof && systemctl start storage-snapshots sonarr"
        }
        "backup" => "systemctl start backup-sonarr sonarr",
        _ => "systemctl start sonarr",
    }
}

/// The units whose helpers are stopped on the way `name`.
fn units(name: &str) -> &'static str {
    match name {
        "round" => "storage-snapshots storage-snapshots-proof",
        "backup" => "backup-sonarr",
        _ => "dataset-sonarr preseed-sonarr",
    }
}

/// What is looked at on the way `name` once the machine has booted, before and besides `state.sh`.
fn next(name: &str) -> Option<&'static str> {
    match name {
        "round" => Some("rounded"),
        "backup" => Some("backed-up"),
        "drill" => Some("drilled"),
        _ => BY_HAND.contains(&name).then_some("again"),
    }
}

/// What is prepared on a machine on the way to `name`: some begin where others are ready.
fn prepares(name: &str) -> &[&str] {
    match name {
        "sent" => &["common", "clone", "sent", "ready"],
        "unpromoted" => &["common", "encrypted", "sent", "unpromoted", "ready"],
        "places-at" => &["common", "with-places", "places-at", "ready"],
        "places-undo" => &["common", "with-places", "places-undo", "ready"],
        "places" => &["common", "with-places", "places", "ready"],
        "round" => &["common", "with-places", "round", "ready"],
        "backup" => &["common", "with-places", "backup", "ready"],
        _ => &["common", "", "ready"],
    }
}

/// Those that `cargo xtask test` has time for.
pub const FEW_WAYS: [&str; 6] = [
    "rollback",
    "clone",
    "sent",
    "receive",
    "restic",
    "directory",
];

/// What is staged gets the name of the service's dataset.
const SWAP: &str = "zfs rename -u tank/services/sonarr:preseed-staging";

/// The steps that `cargo xtask test` cuts at: where the most is under way.
const SHORT: [(&str, &str); 11] = [
    ("rollback", "zfs rollback"),
    ("clone", SWAP),
    ("clone", "=seeded of="),
    ("sent", "=unpromoted of="),
    ("receive", "half received"),
    ("receive", SWAP),
    ("restic", SWAP),
    ("directory", "rename /var/lib/.preseed-staging/sonarr"),
    ("round", "zfs release"),
    ("round", "sanoid"),
    ("backup", "restic backup"),
];

/// Programs that only ask: a cut before them is one after what came before.
const ASKING: [&str; 13] = [
    "zfs get",
    "zfs list",
    "zfs userspace",
    "zfs projectspace",
    "zfs send -n",
    "zfs load-key -n",
    "zpool list",
    "systemctl show",
    "systemctl start",
    "timeout",
    "zfs holds",
    "restic --no-lock",
    // Only asks what is due.
    "sanoid --configdir=/run/preseed/sanoid/new ",
];

/// A point at which a helper can be stopped.
#[derive(Debug)]
struct Step {
    /// `PROGRAM:NUMBER NAME`, as it came undisturbed.
    label: String,
    /// The same in each run.
    id: String,
    /// What is about to be done.
    name: String,
}

impl Step {
    /// Of a line `PROGRAM:NUMBER ID NAME` that a helper has written.
    fn read(line: &str) -> anyhow::Result<Self> {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let [number, id, name] = words[..] else {
            bail!("this is no step: {line}");
        };
        Ok(Self {
            label: format!("{number} {name}"),
            id: id.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whether `told`, what the machine printed, says that a helper has stopped here.
    fn is_where_it_stopped(&self, told: &str) -> bool {
        Self::read(told).is_ok_and(|at| at.id == self.id)
    }
}

/// One way in which data comes back, and how that ends if nothing interrupts it.
pub struct Way {
    /// Its name: that of its file in `tests/vm/cuts`.
    pub name: &'static str,
    prepared: PreparedMachine,
    /// In their order.
    steps: Vec<Step>,
    /// What `state.sh` prints.
    state: String,
    /// From the start of the service to its end.
    pub restore: Duration,
}

impl Way {
    /// Prepares the machine, and restores once.
    ///
    /// # Errors
    /// Something does not work even so.
    pub fn prepare(vms: &Vms, name: &'static str) -> anyhow::Result<Self> {
        let script = prepares(name)
            .iter()
            .map(|part| script(if part.is_empty() { name } else { part }))
            .collect::<anyhow::Result<String>>()?;
        let prepared = vms.prepare(name, &script)?;
        let mut machine = vms.machine_from(&prepared, Unflushed::Kept)?;
        let mut output = Vec::new();
        let since = Instant::now();
        let status = machine.run(&record(name), &mut output)?;
        let restore = since.elapsed();
        let output = String::from_utf8(output)?;
        if status != 0 {
            bail!("{name}: not even undisturbed: exit status {status}\n{output}");
        }
        Ok(Self {
            name,
            prepared,
            steps: output
                .lines()
                .map(Step::read)
                .collect::<anyhow::Result<_>>()?,
            state: state(&mut machine, name)?.map_err(anyhow::Error::msg)?,
            restore,
        })
    }

    /// A machine that has lost its data.
    ///
    /// # Errors
    /// It does not start.
    pub fn machine<'a>(&self, vms: &'a Vms, unflushed: Unflushed) -> anyhow::Result<Machine<'a>> {
        vms.machine_from(&self.prepared, unflushed)
    }

    /// Whether the machine has come to the undisturbed end; if not, what differs.
    ///
    /// # Errors
    /// The machine does not work any more.
    pub fn has_ended_well(&self, machine: &mut Machine<'_>) -> anyhow::Result<Result<(), String>> {
        let state = match state(machine, self.name)? {
            Ok(state) => state,
            Err(output) => return Ok(Err(output)),
        };
        if state == self.state {
            return Ok(Ok(()));
        }
        let mut difference = "it ended otherwise than undisturbed:\n".to_owned();
        for (sign, one, other) in [("-", &self.state, &state), ("+", &state, &self.state)] {
            for line in one
                .lines()
                .filter(|line| !other.lines().any(|l| l == *line))
            {
                writeln!(difference, "{sign} {line}")?;
            }
        }
        Ok(Err(difference))
    }

    /// The steps that change something.
    fn changes(&self) -> impl Iterator<Item = &Step> {
        let asks = |step: &Step| ASKING.iter().any(|asking| step.name.starts_with(asking));
        self.steps.iter().filter(move |step| !asks(step))
    }
}

/// Does it once, and prints the steps.
fn record(way: &str) -> String {
    let (act, units) = (act(way), units(way));
    format!(
        "
set -eu
: >/run/steps
for unit in {units}; do
    mkdir -p /run/systemd/system/$unit.service.d
    printf '[Service]\\nEnvironment=PRESEED_STEPS=/run/steps\\n' >/run/systemd/system/$unit.service.d/steps.conf
done
systemctl daemon-reload
export PRESEED_STEPS=/run/steps
{act}
cat /run/steps
"
    )
}

/// Begins it, and prints the step at which it has stopped. Those before are in `/run/steps`.
fn stop_at(step: &Step, way: &str) -> String {
    let (act, units, at) = (act(way), units(way), &step.id);
    format!(
        "
set -eu
: >/run/steps
mkfifo /run/stopped
for unit in {units}; do
    mkdir -p /run/systemd/system/$unit.service.d
    printf '[Service]\\nEnvironment=PRESEED_STOP_AT={at} PRESEED_STOPPED=/run/stopped PRESEED_STEPS=/run/steps\\n' \
        >/run/systemd/system/$unit.service.d/stop.conf
done
systemctl daemon-reload
export PRESEED_STOP_AT={at} PRESEED_STOPPED=/run/stopped PRESEED_STEPS=/run/steps
{{ {act}; echo \"over: $?\" >/run/stopped; }} >/dev/null 2>&1 &
read -r step </run/stopped
printf '%s' \"$step\"
"
    )
}

/// The text of a file below `tests/vm/cuts`, which is named without its suffix.
///
/// # Errors
/// It cannot be read.
pub(crate) fn script(name: &str) -> anyhow::Result<String> {
    let path = workspace()
        .join("tests/vm/cuts")
        .join(name)
        .with_extension("sh");
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// What `state.sh` prints, or why it does not.
fn state(machine: &mut Machine<'_>, way: &str) -> anyhow::Result<Result<String, String>> {
    let mut output = Vec::new();
    let again = match next(way) {
        Some(next) => format!("again() {{ {}; }}\n{}", act(way), script(next)?),
        None => String::new(),
    };
    let status = machine.stage("state.sh", &(again + &script("state")?), &mut output)?;
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(if status == 0 { Ok(output) } else { Err(output) })
}

/// One cut.
struct Cut<'a> {
    way: &'a Way,
    step: &'a Step,
}

/// Ways in which data comes back, each restored once undisturbed, as many at a time as there are machines.
///
/// # Errors
/// One does not work even so.
pub fn ways(vms: &Vms, names: &[&'static str]) -> anyhow::Result<Vec<Way>> {
    vms.side_by_side(names, |name| Way::prepare(vms, name))
        .into_iter()
        .collect()
}

/// Cuts the power at each step of the ways that are named, or whose names hold one of `names` (all if there is none), that
/// changes something and whose name holds `only`; prints a line for each.
///
/// # Errors
/// A way does not work even undisturbed, or nothing is named so.
pub fn run(vms: &Vms, names: &[String], only: Option<&str>) -> anyhow::Result<Tally> {
    let all = [&WAYS[..], &BY_HAND[..], &PROTECTING[..]].concat();
    // The whole name of one way is a part of others': `at` of `places-at`.
    let is_named = |way: &str, name: &String| {
        way == name || way.contains(name.as_str()) && !all.contains(&name.as_str())
    };
    let named = all.iter().copied();
    let named = named.filter(|way| names.is_empty() || names.iter().any(|it| is_named(way, it)));
    let ways = ways(vms, &named.collect::<Vec<_>>())?;
    let cuts: Vec<Cut<'_>> = ways
        .iter()
        .flat_map(|way| way.changes().map(move |step| Cut { way, step }))
        .filter(|cut| only.is_none_or(|only| cut.step.label.contains(only)))
        .collect();
    if cuts.is_empty() {
        bail!("nothing to cut: the ways are {}", all.join(", "));
    }
    Ok(cut_each(vms, &cuts, None))
}

/// The cuts of `cargo xtask test` on these ways; those that are not begun in time are skipped.
///
/// # Errors
/// A way does not come to one of the steps.
pub fn short(vms: &Vms, ways: &[Way], until: Option<Instant>) -> anyhow::Result<Tally> {
    let mut cuts = Vec::new();
    for (name, part) in SHORT {
        let Some(way) = ways.iter().find(|way| way.name == name) else {
            continue;
        };
        let step = way
            .changes()
            .find(|step| step.name.contains(part))
            .with_context(|| format!("{name} has no step {part}: {:#?}", way.steps))?;
        cuts.push(Cut { way, step });
    }
    Ok(cut_each(vms, &cuts, until))
}

fn cut_each(vms: &Vms, cuts: &[Cut<'_>], until: Option<Instant>) -> Tally {
    let machines = Machines {
        until,
        ..vms.machines()
    };
    let name = |cut: &Cut<'_>| format!("{} cut before {}", cut.way.name, cut.step.label);
    run_each(machines, cuts, name, |cut| {
        let mut output = Vec::new();
        let problem = cut_at(vms, cut, &mut output)?;
        Ok(problem.map_err(|problem| {
            let output = String::from_utf8_lossy(&output);
            Failure {
                output: format!("{output}{problem}"),
            }
        }))
    })
}

fn cut_at(vms: &Vms, cut: &Cut<'_>, output: &mut Vec<u8>) -> anyhow::Result<Result<(), String>> {
    let mut machine = cut.way.machine(vms, Unflushed::Kept)?;
    let mut stopped = Vec::new();
    let status = machine.run(&stop_at(cut.step, cut.way.name), &mut stopped)?;
    let stopped = String::from_utf8_lossy(&stopped);
    if status != 0 || !cut.step.is_where_it_stopped(&stopped) {
        writeln!(output, "{stopped}\nit came to these steps:")?;
        machine.run("cat /run/steps", output)?;
        return Ok(Err("it did not come to this step\n".to_owned()));
    }
    machine.power_cut()?;
    cut.way.has_ended_well(&mut machine)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_act_that_ended_before_the_step_has_not_come_to_it() {
        let step = Step::read("protect-helper:39 protect-helper:f9.1 sanoid --prune").unwrap();
        assert_eq!(step.label, "protect-helper:39 sanoid --prune");
        assert!(step.is_where_it_stopped("protect-helper:36 protect-helper:f9.1 sanoid --prune"));
        for other in [
            "over: 0",
            "",
            "protect-helper:39 protect-helper:f9.2 sanoid --prune",
        ] {
            assert!(!step.is_where_it_stopped(other), "{other}");
        }
    }
}
