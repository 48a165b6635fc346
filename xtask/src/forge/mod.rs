//! The forge: a virtual machine with real ZFS, as a tool.

mod agent;
mod bed;
mod cache;
pub(crate) mod chaos;
pub(crate) mod cuts;
mod guest;
mod machine;
mod monitor;
mod payload;
mod qemu;
mod recipe;
mod shell;
mod workshop;

use std::io::{Write, stdout};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, thread};

use anyhow::Context as _;
use clap::Subcommand;

pub(crate) use self::machine::Machine;

use self::bed::Bed;
use self::cache::{Cache, Scratch};
use self::cuts::Way;
use self::guest::Guest;
use self::workshop::Workshop;
use crate::binaries::{Binaries, workspace};
use crate::packages::{self, Program};
use crate::scenario::{self, Failure, Scenario, Start, Tally};

/// What building and running the machine needs of this one.
const PROGRAMS: &[Program] = &[
    Program {
        name: "mmdebstrap",
        package: "mmdebstrap",
    },
    Program {
        name: "setpriv",
        package: "util-linux",
    },
    Program {
        name: "tar",
        package: "tar",
    },
];

/// What can be done with the forge.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Build the machine, unless it is there
    Build,
    /// Run scenarios, all if none is named
    Run {
        /// A scenario's name, or a part of it
        names: Vec<String>,
        /// When a scenario fails, open a shell in its machine
        #[arg(long)]
        keep: bool,
    },
    /// Cut the power at each step of a restore: each must end as if it had not been cut
    Cuts {
        /// Ways to restore, or parts of their names: rollback, clone, encrypted, receive, emptied, restic, directory
        ways: Vec<String>,
        /// Only at steps that have this in their name
        #[arg(long)]
        only: Option<String>,
    },
    /// Interrupt restores at random moments: each must end as if it had not been interrupted
    Chaos(chaos::Chaos),
    /// Open a shell in a fresh machine
    Shell,
    /// Run one bash script in a fresh machine
    Exec { script: String },
}

/// Does it.
///
/// # Errors
/// Something is missing, or the machine does not work. A scenario that fails is no error.
pub(crate) fn run(task: Task) -> anyhow::Result<ExitCode> {
    if let Task::Build = task {
        Parts::open()?;
        return Ok(ExitCode::SUCCESS);
    }
    let binaries = match task {
        Task::Cuts { .. } | Task::Chaos(_) => Binaries::build_with_failpoints()?,
        _ => Binaries::build()?,
    };
    let forge = Forge::open(&binaries)?;
    let succeeded = match task {
        Task::Build => true,
        Task::Cuts { ways, only } => cuts::run(&forge, &ways, only.as_deref())?.failed == 0,
        Task::Chaos(chaos) => chaos::run(&forge, &forge.ways(&cuts::BEDS)?, &chaos).failed == 0,
        Task::Run { names, keep } => forge.run(&names, keep)?.failed == 0,
        Task::Shell => forge.machine()?.shell().map(|()| true)?,
        Task::Exec { script } => forge.machine()?.run(&script, &mut stdout())? == 0,
    };
    Ok(if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is built once and cached.
struct Parts {
    cache: Cache,
    workshop: Workshop,
    guest: Guest,
}

impl Parts {
    fn open() -> anyhow::Result<Self> {
        packages::require(PROGRAMS)?;
        let cache = Cache::open()?;
        cache.clean_up_on_signals()?;
        let workshop = Workshop::open(&cache)?;
        let guest = Guest::open(&cache, &workshop)?;
        Ok(Self {
            cache,
            workshop,
            guest,
        })
    }
}

/// Machines with the current build in them.
pub(crate) struct Forge {
    parts: Parts,
    scratch: Scratch,
}

impl Forge {
    /// Builds the virtual machine if need be, which takes minutes, and packs what `built` says.
    ///
    /// # Errors
    /// Something is missing, or the machine cannot be built.
    pub(crate) fn open(built: &Binaries) -> anyhow::Result<Self> {
        let parts = Parts::open()?;
        let scratch = parts.cache.scratch()?;
        let forge = Self { parts, scratch };
        payload::pack(built, &forge.scratch.path().join("root"), &forge.payload())?;
        Ok(forge)
    }

    fn payload(&self) -> PathBuf {
        self.scratch.path().join("payload")
    }

    /// A fresh machine: booted, pools `tank` and `vault` imported, preseed installed, nothing
    /// declared.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn machine(&self) -> anyhow::Result<Machine<'_>> {
        let Parts {
            cache,
            workshop,
            guest,
        } = &self.parts;
        Machine::booted(cache, workshop, guest, self.payload())
    }

    /// A machine that `script`, a stage, has prepared, from which many begin.
    fn bed(&self, name: &str, script: &str) -> anyhow::Result<Bed> {
        let Parts {
            cache,
            workshop,
            guest,
        } = &self.parts;
        Bed::prepare(cache, workshop, guest, self.payload(), name, script)
    }

    fn machine_from(&self, bed: &Bed) -> anyhow::Result<Machine<'_>> {
        let Parts {
            cache,
            workshop,
            guest,
        } = &self.parts;
        bed.machine(cache, workshop, guest, self.payload())
    }

    /// Ways in which data comes back, each restored once undisturbed.
    ///
    /// # Errors
    /// One does not work even so.
    pub(crate) fn ways(&self, beds: &[&'static str]) -> anyhow::Result<Vec<Way>> {
        beds.iter().map(|name| Way::prepare(self, name)).collect()
    }

    /// Runs the scenarios of `tests/forge`, and those of `tests/container` that say `also: forge`,
    /// each in a machine of its own.
    ///
    /// # Errors
    /// A scenario cannot be read, or there is none of a name.
    pub(crate) fn run(&self, names: &[String], keep: bool) -> anyhow::Result<Tally> {
        let tests = workspace().join("tests");
        let mut scenarios = scenario::find(&tests.join("forge"))?;
        let also = scenario::find(&tests.join("container"))?;
        scenarios.extend(
            also.into_iter()
                .filter(|scenario| scenario.header("also") == Some("forge")),
        );
        scenarios.sort_by(|one, other| one.name.cmp(&other.name));
        let scenarios = scenario::select(scenarios, names)?;
        let jobs = if keep { 1 } else { jobs() };
        let name = |scenario: &Scenario| scenario.name.clone();
        Ok(scenario::run_each(
            "forge",
            &scenarios,
            jobs,
            name,
            |scenario| {
                let mut output = Vec::new();
                let problem = match self.play_for_tally(scenario, keep, &mut output) {
                    Ok(None) => return Ok(Ok(())),
                    Ok(Some(status)) => format!("exit status {status}\n"),
                    Err(error) => format!("{error:#}\n"),
                };
                let output = String::from_utf8_lossy(&output) + &*problem;
                Ok(Err(Failure {
                    output: output.into_owned(),
                }))
            },
        ))
    }

    /// Runs one scenario in a fresh machine; gives the exit status of the stage that failed, if one did.
    ///
    /// # Errors
    /// The machine does not start, or does not work any more.
    pub(crate) fn play(
        &self,
        scenario: &Scenario,
        output: &mut dyn Write,
    ) -> anyhow::Result<Option<i32>> {
        play(&mut self.machine()?, scenario, output)
    }

    fn play_for_tally(
        &self,
        scenario: &Scenario,
        keep: bool,
        output: &mut dyn Write,
    ) -> anyhow::Result<Option<i32>> {
        let mut machine = self.machine()?;
        let failed = play(&mut machine, scenario, output)?;
        if keep && failed.is_some() {
            eprintln!("{} failed: a shell in its machine", scenario.name);
            machine.shell()?;
        }
        Ok(failed)
    }
}

/// How many machines run at a time: each keeps a processor busy and takes up to 2 GB of memory.
fn jobs() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"))
        .and_then(|kilobytes| kilobytes.trim().parse::<usize>().ok());
    processors.min(available.unwrap_or(0) >> 21).clamp(1, 4)
}

fn play(
    machine: &mut Machine<'_>,
    scenario: &Scenario,
    output: &mut dyn Write,
) -> anyhow::Result<Option<i32>> {
    for stage in &scenario.stages {
        match stage.start {
            Start::Fresh => {}
            Start::Reboot => machine.reboot().context("reboot")?,
            Start::PowerCut => machine.power_cut().context("power cut")?,
        }
        let file = format!("{}.sh", scenario.name);
        let status = machine.stage(&file, &stage.script, output)?;
        if status != 0 {
            return Ok(Some(status));
        }
    }
    Ok(None)
}
