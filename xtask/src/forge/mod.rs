//! The forge: virtual machines with real ZFS, as a tool.

mod agent;
mod cache;
pub(crate) mod chaos;
pub(crate) mod cuts;
mod emulated;
mod facts;
mod guest;
pub(crate) mod hostile;
mod machine;
mod opening;
mod payload;
mod prepared_machine;
mod quick;
mod recipe;
mod root;
mod shell;

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use std::{fs, thread};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};

pub(crate) use self::facts::{Facts, SCRIPT as FACTS};
pub(crate) use self::machine::Machine;

use self::cache::{Cache, Scratch};
use self::cuts::Way;
use self::emulated::Emulated;
use self::guest::{Begin, Guest, Unflushed};
use self::opening::Openings;
use self::prepared_machine::PreparedMachine;
use self::quick::Quick;
use self::recipe::Release;
use crate::binaries::{Binaries, workspace};
use crate::packages::{self, Program};
use crate::scenario::{self, Failure, Machines, Scenario, Start, Tally};

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
    Program {
        name: "mke2fs",
        package: "e2fsprogs",
    },
];

/// Which machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// User-mode Linux with Debian 13: quick, but not the users' kernel
    Quick,
    /// Debian 13 with its own kernel, emulated
    Trixie,
    /// Debian 12 with its own kernel, emulated: OpenZFS 2.1, restic 0.14
    Bookworm,
}

/// Which machines, as an option of a command.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Choice {
    /// The kind of machine: quick if that is built, else trixie
    #[arg(long, value_name = "KIND")]
    guest: Option<Kind>,
}

impl Choice {
    /// What was chosen, or what is there.
    ///
    /// # Errors
    /// It cannot be told what is there.
    pub(crate) fn kind(self) -> anyhow::Result<Kind> {
        if let Some(kind) = self.guest {
            return Ok(kind);
        }
        if Quick::is_built(&Cache::open()?)? {
            return Ok(Kind::Quick);
        }
        eprintln!(
            "the quick guest is not built yet (`cargo xtask forge build` does it, in about 20 minutes): emulating Debian 13"
        );
        Ok(Kind::Trixie)
    }
}

/// What can be done with the forge.
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Build the machines that are not there yet
    Build {
        /// Only this kind; else quick and trixie
        #[arg(long)]
        guest: Option<Kind>,
    },
    /// Run scenarios, all if none is named
    Run {
        /// A scenario's name, or a part of it
        names: Vec<String>,
        /// When a scenario fails, open a shell in its machine
        #[arg(long)]
        keep: bool,
        #[command(flatten)]
        choice: Choice,
    },
    /// Cut the power at each step of a restore: each must end as if it had not been cut
    Cuts {
        /// Ways to restore, or parts of their names: rollback, clone, encrypted, receive, emptied, restic, directory
        ways: Vec<String>,
        /// Only at steps that have this in their name
        #[arg(long)]
        only: Option<String>,
        #[command(flatten)]
        choice: Choice,
    },
    /// Interrupt restores at random moments: each must end as if it had not been interrupted
    Chaos {
        #[command(flatten)]
        chaos: chaos::Plan,
        #[command(flatten)]
        choice: Choice,
    },
    /// Let the user of some services do to their directories whatever comes to mind, while root restores them: nothing
    /// else may change, nothing may hang
    Hostile {
        #[command(flatten)]
        hostile: hostile::Plan,
        #[command(flatten)]
        choice: Choice,
    },
    /// Open a shell in a fresh machine
    Shell {
        /// With copies of the disks that were kept here
        #[arg(long)]
        disks: Option<PathBuf>,
        #[command(flatten)]
        choice: Choice,
    },
    /// Run one bash script in a fresh machine
    Exec {
        script: String,
        #[command(flatten)]
        choice: Choice,
    },
}

/// Does it.
///
/// # Errors
/// Something is missing, or the machine does not work. A scenario that fails is no error.
pub(crate) fn run(task: Task) -> anyhow::Result<ExitCode> {
    let open = |choice: Choice| Forge::open(&Binaries::build()?, choice.kind()?);
    let open_to_stop = |choice: Choice| {
        let built = Binaries::build_with_failpoints()?;
        Forge::open(&built, choice.kind()?)
    };
    let succeeded = match task {
        Task::Build { guest } => {
            let cache = cache()?;
            let kinds = guest.map_or(vec![Kind::Trixie, Kind::Quick], |kind| vec![kind]);
            for kind in kinds {
                kind.build(&cache)?;
            }
            true
        }
        Task::Cuts { ways, only, choice } => {
            cuts::run(&open_to_stop(choice)?, &ways, only.as_deref())?.failed == 0
        }
        Task::Chaos { chaos, choice } => {
            let forge = open_to_stop(choice)?;
            let ways = forge.ways(&cuts::WAYS)?;
            chaos::run(&forge, &ways, &chaos, chaos.until())?.failed == 0
        }
        Task::Hostile { hostile, choice } => {
            hostile::run(&open_to_stop(choice)?, &hostile)?.failed == 0
        }
        Task::Run {
            names,
            keep,
            choice,
        } => {
            let forge = open(choice)?;
            let scenarios = scenario::select(scenarios()?, &names)?;
            let tally = forge.run(&scenarios, keep, None)?;
            println!("{tally}");
            tally.failed == 0
        }
        Task::Shell { disks, choice } => {
            let forge = open(choice)?;
            let mut machine = match &disks {
                Some(directory) => forge.machine_with_disks(directory)?,
                None => forge.machine()?,
            };
            machine.shell().map(|()| true)?
        }
        Task::Exec { script, choice } => open(choice)?.machine()?.run(&script, &mut stdout())? == 0,
    };
    Ok(if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Kind {
    /// The guest of this kind, built if it is not in the cache.
    ///
    /// # Errors
    /// It cannot be built.
    fn build(self, cache: &Cache) -> anyhow::Result<Box<dyn Guest>> {
        Ok(match self {
            Self::Quick => Box::new(Quick::open(cache)?),
            Self::Trixie => Box::new(Emulated::open(cache, Release::Trixie)?),
            Self::Bookworm => Box::new(Emulated::open(cache, Release::Bookworm)?),
        })
    }
}

/// The cache, once this machine has what building and running machines needs.
fn cache() -> anyhow::Result<Cache> {
    packages::require(PROGRAMS)?;
    Cache::open()
}

/// Builds the quick guest, unless it is in the cache.
///
/// # Errors
/// It cannot be built.
pub(crate) fn build_quick() -> anyhow::Result<()> {
    Kind::Quick.build(&cache()?).map(drop)
}

/// The scenarios of `tests/forge`, and those of `tests/container` that say `also: forge`, by name.
///
/// # Errors
/// One cannot be read.
pub(crate) fn scenarios() -> anyhow::Result<Vec<Scenario>> {
    let tests = workspace().join("tests");
    let mut scenarios = scenario::find(&tests.join("forge"))?;
    let also = scenario::find(&tests.join("container"))?;
    scenarios.extend(
        also.into_iter()
            .filter(|scenario| scenario.header("also") == Some("forge")),
    );
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(scenarios)
}

/// The disk with the current build, in the forge's own directory.
const PAYLOAD: &str = "payload";

/// Machines with the current build in them.
pub(crate) struct Forge {
    /// Where its machines are.
    runs: Cache,
    guest: Box<dyn Guest>,
    scratch: Scratch,
    /// What its machines have installed: another word for another build.
    build: String,
}

impl Forge {
    /// Builds the guest if need be, which takes minutes, and packs what `built` says.
    ///
    /// # Errors
    /// Something is missing, or the guest cannot be built.
    pub(crate) fn open(built: &Binaries, kind: Kind) -> anyhow::Result<Self> {
        let cache = cache()?;
        let guest = kind.build(&cache)?;
        let runs = match kind {
            Kind::Quick => Cache::in_memory()?,
            Kind::Trixie | Kind::Bookworm => None,
        };
        let runs = runs.unwrap_or(cache);
        runs.clean_up_on_signals()?;
        let scratch = runs.scratch()?;
        let directory = scratch.path();
        let build = payload::pack(built, &directory.join("root"), &directory.join(PAYLOAD))?;
        Ok(Self {
            runs,
            guest,
            scratch,
            build,
        })
    }

    /// What its machines are called.
    pub(crate) fn name(&self) -> &str {
        self.guest.name()
    }

    fn payload(&self) -> PathBuf {
        self.scratch.path().join(PAYLOAD)
    }

    /// A fresh machine: booted, pools `tank` and `vault` imported, preseed installed, nothing
    /// declared.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn machine(&self) -> anyhow::Result<Machine<'_>> {
        Machine::begin(
            &self.runs,
            &*self.guest,
            self.payload(),
            Begin::Fresh,
            Unflushed::Kept,
        )
    }

    /// A machine that `script`, a stage, has prepared, from which many begin.
    fn prepare(&self, name: &str, script: &str) -> anyhow::Result<PreparedMachine> {
        PreparedMachine::prepare(&self.runs, &*self.guest, self.payload(), name, script)
    }

    /// The same, kept for later runs with this build.
    fn prepare_to_keep(&self, kind: &str, script: &str) -> anyhow::Result<PreparedMachine> {
        let prepare = || self.prepare(kind, script);
        let key = recipe::key(&[self.guest.key(), &self.build, script], &[])?;
        PreparedMachine::cached(&Cache::open()?, &*self.guest, kind, &key, prepare)
    }

    fn machine_from(
        &self,
        prepared: &PreparedMachine,
        unflushed: Unflushed,
    ) -> anyhow::Result<Machine<'_>> {
        prepared.machine(&self.runs, &*self.guest, self.payload(), unflushed)
    }

    /// Ways in which data comes back, each restored once undisturbed, as many at a time as there are machines.
    ///
    /// # Errors
    /// One does not work even so.
    pub(crate) fn ways(&self, names: &[&'static str]) -> anyhow::Result<Vec<Way>> {
        self.side_by_side(names, |name| Way::prepare(self, name))
            .into_iter()
            .collect()
    }

    /// Does `work` for each of `all`, for as many at a time as there are machines. Gives what comes of it in their order.
    fn side_by_side<T: Sync, R: Send>(&self, all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        let work_on = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = all.get(number) else { break };
                let result = work(one);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.insert(number, result);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.machines().jobs {
                scope.spawn(work_on);
            }
            work_on();
        });
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.into_values().collect()
    }

    /// How what it takes compares with hardware, in a sentence.
    pub(crate) fn how_quick(&self) -> &str {
        self.guest.how_quick()
    }

    /// Whether its machines can lose what they have written and not flushed.
    fn can_lose_unflushed(&self) -> bool {
        self.guest.can_lose_unflushed()
    }

    /// What its machines have installed: another word for another build.
    fn build_key(&self) -> &str {
        &self.build
    }

    /// Cuts a machine's power and keeps its disks, in a directory of this name beside what is built. Gives the directory.
    fn keep_disks(&self, mut machine: Machine<'_>, name: &str) -> anyhow::Result<PathBuf> {
        machine.kill()?;
        Cache::open()?.keep(&self.guest.disks_of(machine.directory()), name)
    }

    /// A machine with copies of the disks that were kept in `directory`, switched on.
    fn machine_with_disks(&self, directory: &Path) -> anyhow::Result<Machine<'_>> {
        let begin = Begin::Disks(directory);
        let mut machine = Machine::begin(
            &self.runs,
            &*self.guest,
            self.payload(),
            begin,
            Unflushed::Kept,
        )?;
        machine.await_boot()?;
        Ok(machine)
    }

    /// Runs scenarios, each in a machine of its own. Those that need what the guest lacks are skipped, and those that
    /// are not begun in time. With `keep`, opens a shell in the machine of one that fails.
    ///
    /// # Errors
    /// What one needs cannot be read.
    pub(crate) fn run(
        &self,
        scenarios: &[Scenario],
        keep: bool,
        until: Option<Instant>,
    ) -> anyhow::Result<Tally> {
        let mut machines = Machines {
            until,
            ..self.machines()
        };
        if keep {
            machines.jobs = 1;
        }
        let (able, skipped) = scenario::able(self.name(), scenarios, self.guest.facts())?;
        let is_late = until.is_some_and(|until| Instant::now() > until);
        let openings = if self.guest.boots_quickly() && !is_late {
            Openings::prepare(self, &able)
        } else {
            Openings::default()
        };
        let mut tally = scenario::run_each(
            machines,
            &able,
            |scenario| scenario.name.clone(),
            |scenario| {
                let mut output = Vec::new();
                let problem = match self.play_for_tally(scenario, &openings, keep, &mut output) {
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
    pub(crate) fn play(
        &self,
        scenario: &Scenario,
        output: &mut dyn Write,
    ) -> anyhow::Result<Option<i32>> {
        play(&mut self.machine()?, scenario, None, output)
    }

    fn play_for_tally(
        &self,
        scenario: &Scenario,
        openings: &Openings,
        keep: bool,
        output: &mut dyn Write,
    ) -> anyhow::Result<Option<i32>> {
        let (mut machine, first) = match openings.of(scenario) {
            Some((prepared, rest)) => (self.machine_from(prepared, Unflushed::Kept)?, Some(rest)),
            None => (self.machine()?, None),
        };
        let failed = play(&mut machine, scenario, first.as_deref(), output)?;
        if keep && failed.is_some() {
            eprintln!("{} failed: a shell in its machine", scenario.name);
            machine.shell()?;
        }
        Ok(failed)
    }

    /// As many machines at a time as the processors and the memory, 2 GB each, can hold.
    fn machines(&self) -> Machines<'_> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"))
            .and_then(|kilobytes| kilobytes.trim().parse::<usize>().ok());
        let jobs = self.guest.jobs(processors);
        Machines {
            kind: self.name(),
            jobs: jobs.min(available.unwrap_or(0) >> 21).clamp(1, 4),
            until: None,
        }
    }
}

/// Runs the stages of a scenario; `first` in place of its first one, if that is given.
fn play(
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
