//! Runs scenarios in virtual machines.

use std::io::Write;
use std::time::Instant;

use anyhow::Context as _;
use product::binaries::workspace;
use scenario::{Failure, Machines, Scenario, Start, Tally, able, run_each};

use crate::guest::Unflushed;
use crate::machine::Machine;
use crate::opening::Openings;
use crate::vms::Vms;

/// The scenarios of `tests/vm`, and those of `tests/container` that say `also: vm`, by name.
///
/// # Errors
/// One cannot be read.
pub fn find() -> anyhow::Result<Vec<Scenario>> {
    let tests = workspace().join("tests");
    let mut scenarios = scenario::find(&tests.join("vm"))?;
    let also = scenario::find(&tests.join("container"))?;
    scenarios.extend(
        also.into_iter()
            .filter(|scenario| scenario.header("also") == Some("vm")),
    );
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(scenarios)
}

/// Runs scenarios, each in a machine of its own, on `machines` of `vms`. Those that need what the guest lacks are skipped,
/// and those that are not begun in time. With `keep`, opens a shell in the machine of one that fails.
///
/// # Errors
/// What one needs cannot be read.
pub fn run(
    vms: &Vms,
    scenarios: &[Scenario],
    keep: bool,
    mut machines: Machines<'_>,
) -> anyhow::Result<Tally> {
    if keep {
        machines.jobs = 1;
    }
    let (able_here, skipped) = able(vms.name(), scenarios, vms.facts())?;
    let is_late = machines.until.is_some_and(|until| Instant::now() > until);
    let openings = if vms.boot_quickly() && !is_late {
        Openings::prepare(vms, &able_here)
    } else {
        Openings::default()
    };
    let mut tally = run_each(
        machines,
        &able_here,
        |scenario| scenario.name.clone(),
        |scenario| {
            let mut output = Vec::new();
            let problem = match play_for_tally(vms, scenario, &openings, keep, &mut output) {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(status)) => format!("exit status {status}\n"),
                Err(error) => format!("{error:#}\n"),
            };
            let output = String::from_utf8_lossy(&output) + &*problem;
            Ok(Err(Failure {
                output: output.into_owned(),
            }))
        },
    );
    tally.skipped += skipped;
    tally.time += openings.time;
    Ok(tally)
}

/// Runs one scenario in a fresh machine; gives the exit status of the stage that failed, if one did.
///
/// # Errors
/// The machine does not start, or does not work any more.
pub fn play(vms: &Vms, scenario: &Scenario, output: &mut dyn Write) -> anyhow::Result<Option<i32>> {
    play_stages(&mut vms.machine()?, scenario, None, output)
}

fn play_for_tally(
    vms: &Vms,
    scenario: &Scenario,
    openings: &Openings,
    keep: bool,
    output: &mut dyn Write,
) -> anyhow::Result<Option<i32>> {
    let (mut machine, first) = match openings.of(scenario) {
        Some((prepared, rest)) => (vms.machine_from(prepared, Unflushed::Kept)?, Some(rest)),
        None => (vms.machine()?, None),
    };
    let failed = play_stages(&mut machine, scenario, first.as_deref(), output)?;
    if keep && failed.is_some() {
        eprintln!("{} failed: a shell in its machine", scenario.name);
        machine.shell()?;
    }
    Ok(failed)
}

/// Runs the stages of a scenario; `first` in place of its first one, if that is given.
fn play_stages(
    machine: &mut Machine<'_>,
    scenario: &Scenario,
    first: Option<&str>,
    output: &mut dyn Write,
) -> anyhow::Result<Option<i32>> {
    let mut first = first;
    for stage in &scenario.stages {
        let script = first.take().unwrap_or(&stage.script);
        match stage.start {
            Start::Fresh => {}
            Start::Reboot => machine.reboot().context("reboot")?,
            Start::PowerCut => machine.power_cut().context("power cut")?,
        }
        let file = format!("{}.sh", scenario.name);
        let status = machine.stage(&file, script, output)?;
        if status != 0 {
            return Ok(Some(status));
        }
    }
    Ok(None)
}
