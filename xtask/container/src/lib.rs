//! A throw-away container of the machine's own root, with real systemd, as a tool.

mod base;
mod control_group;
mod grace_periods;
mod machine;
mod namespace;
mod opening;
mod overlay;
mod software;

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use self::base::Base;
use self::grace_periods::Expedited;
use self::machine::{Boot, Machine};
use self::opening::Opened;
use self::software::Software;
use product::binaries::{Binaries, workspace};
use product::packages;
use scenario::facts::{Facts, SCRIPT};
use scenario::{Failure, Machines, Scenario, Start, Tally};

/// The directory of what scenarios start from that need no more than the machine has.
const PLAIN: &str = "plain";

/// What can be done with containers.
#[derive(Subcommand)]
pub enum Task {
    /// Run scenarios of tests/container, each in a fresh container
    Run {
        /// Their names, or parts of them; all, if there are none
        names: Vec<String>,
    },
    /// Run one bash file in a fresh container, cut into stages as scenarios are
    Exec {
        /// The bash file
        script: PathBuf,
    },
}

/// Installs what containers need.
///
/// # Errors
/// This is not root, or a package cannot be had.
pub fn require() -> anyhow::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("containers need root: run this as root");
    }
    packages::require(packages::CONTAINER)
}

/// Does it.
///
/// # Errors
/// Something is missing, or the container does not work. A scenario that fails is no error.
pub fn run(task: Task) -> anyhow::Result<ExitCode> {
    require()?;
    let built = Binaries::build()?;
    let passed = match task {
        Task::Run { names } => {
            let scenarios = scenario::select(scenarios()?, &names)?;
            let tally = run_scenarios(&built, &scenarios, processors(), None)?;
            println!("{tally}");
            tally.failed == 0
        }
        Task::Exec { script } => {
            let scenario = Scenario::read(&script)?;
            play_alone(&built, &scenario, &mut io::stdout())?.is_none()
        }
    };
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The scenarios of `tests/container`, by name.
///
/// # Errors
/// One cannot be read.
pub fn scenarios() -> anyhow::Result<Vec<Scenario>> {
    scenario::find(&workspace().join("tests/container"))
}

/// How many containers this machine has processors for, if it does nothing else.
#[must_use]
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Runs scenarios, each in a container of its own, `jobs` at a time. Those that need what this machine lacks are skipped,
/// and those that are not begun in time.
///
/// # Errors
/// What one needs cannot be read, or no container can be made.
pub fn run_scenarios(
    built: &Binaries,
    scenarios: &[Scenario],
    jobs: usize,
    until: Option<Instant>,
) -> anyhow::Result<Tally> {
    require()?;
    let kind = "container";
    let (able, skipped) = scenario::able(kind, scenarios, &facts()?)?;
    let work = namespace::enter()?;
    let _as_long_as_this_runs = Expedited::begin();
    let base = Base::prepare(&work, PLAIN, built, None)?;
    let opened = Opened::prepare(&base, scenario::opening::SONARR, &able);
    let mut tally = scenario::run_each(
        Machines {
            kind,
            jobs,
            until,
            room: None,
        },
        &able,
        |scenario| scenario.name.clone(),
        |scenario| {
            let mut output = Vec::new();
            let opened = opened.as_ref().and_then(|opened| opened.of(scenario));
            let failed = match (base_of(scenario, &work, built)?, opened) {
                (Some(base), _) => play(&base, None, scenario, &mut output)?,
                (None, Some((base, first))) => play(base, Some(&first), scenario, &mut output)?,
                (None, None) => play(&base, None, scenario, &mut output)?,
            };
            Ok(match failed {
                None => Ok(()),
                Some(status) => {
                    let output = String::from_utf8_lossy(&output);
                    Err(Failure {
                        output: format!("{output}exit status {status}\n"),
                    })
                }
            })
        },
    );
    tally.skipped += skipped;
    tally.time += opened.map(|opened| opened.time).unwrap_or_default();
    Ok(tally)
}

/// What this machine, and so a container of its root, has.
fn facts() -> anyhow::Result<Facts> {
    let output = Command::new("bash").args(["-c", SCRIPT]).output();
    let output = output.context("bash")?;
    Ok(Facts::read(&String::from_utf8_lossy(&output.stdout)))
}

/// Runs one scenario in a container, and gives the exit status of the stage that failed, if one did.
/// What it prints goes to `output` while it runs.
///
/// # Errors
/// No container can be made, or it does not work.
pub fn play_alone(
    built: &Binaries,
    scenario: &Scenario,
    output: &mut (dyn Write + Send),
) -> anyhow::Result<Option<i32>> {
    let work = namespace::enter()?;
    let base = match base_of(scenario, &work, built)? {
        None => Base::prepare(&work, PLAIN, built, None)?,
        Some(base) => base,
    };
    play(&base, None, scenario, output)
}

/// What a scenario starts from that runs Debian's software: `# packages: NAME…`; `None`: what all others start from.
fn base_of(scenario: &Scenario, work: &Path, built: &Binaries) -> anyhow::Result<Option<Base>> {
    let Some(packages) = scenario.header("packages") else {
        return Ok(None);
    };
    let software = Software::open(packages, work)?;
    Base::prepare(work, &scenario.name, built, Some(software)).map(Some)
}

/// Runs one scenario in a fresh container of `base`, its first stage as `first` says, if that is given; gives the exit
/// status of the stage that failed, if one did.
fn play(
    base: &Base,
    first: Option<&str>,
    scenario: &Scenario,
    output: &mut (dyn Write + Send),
) -> anyhow::Result<Option<i32>> {
    let machine = Machine::new(base, &scenario.name)?;
    for (number, stage) in scenario.stages.iter().enumerate() {
        if stage.start == Start::PowerCut {
            bail!("a container cannot lose power: make this a scenario of tests/vm");
        }
        let name = format!("{}.sh", scenario.name);
        let (boot, script) = match first {
            Some(first) if number == 0 => (Boot::Idle, first),
            _ => (Boot::Whole, stage.script.as_str()),
        };
        let status = machine
            .run(
                boot,
                &name,
                script,
                number + 1 == scenario.stages.len(),
                output,
            )
            .with_context(|| scenario.name.clone())?;
        if status != 0 {
            return Ok(Some(status));
        }
    }
    Ok(None)
}
