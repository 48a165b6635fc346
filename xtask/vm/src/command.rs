//! What a person does with virtual machines: `cargo xtask vm`.

use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use product::binaries::Binaries;
use scenario::Tally;

use crate::kind::{Choice, Kind, cache};
use crate::vms::Vms;
use crate::{chaos, cuts, hostile, scenarios};

/// What can be done with the vms.
#[derive(Subcommand)]
#[allow(missing_docs)] // Doc comments are help texts here: what is flattened has its own.
pub enum Task {
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
        /// Ways to restore, or parts of their names: rollback, clone, encrypted, sent, unpromoted, receive, emptied, restic, directory, places; by hand at, undo, places-at, places-undo, drill; of what protects, round and backup
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
pub fn run(task: Task) -> anyhow::Result<ExitCode> {
    let open = |choice: Choice| Vms::open(&Binaries::build()?, choice.kind()?);
    let open_to_stop = |choice: Choice| {
        let built = Binaries::build_with_failpoints()?;
        Vms::open(&built, choice.kind()?)
    };
    // Without it, a run that was killed looks like one in which all went well.
    let have_all_passed = |tally: Tally| {
        println!("{tally}");
        tally.failed == 0
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
            have_all_passed(cuts::run(&open_to_stop(choice)?, &ways, only.as_deref())?)
        }
        Task::Chaos { chaos, choice } => {
            let vms = open_to_stop(choice)?;
            let ways = cuts::ways(&vms, &cuts::WAYS)?;
            have_all_passed(chaos::run(&vms, &ways, &chaos, chaos.until())?)
        }
        Task::Hostile { hostile, choice } => {
            have_all_passed(hostile::run(&open_to_stop(choice)?, &hostile)?)
        }
        Task::Run {
            names,
            keep,
            choice,
        } => {
            let vms = open(choice)?;
            let selected = scenario::select(scenarios::find()?, &names)?;
            have_all_passed(scenarios::run(&vms, &selected, keep, vms.machines())?)
        }
        Task::Shell { disks, choice } => {
            let vms = open(choice)?;
            let mut machine = match &disks {
                Some(directory) => vms.machine_with_disks(directory)?,
                None => vms.machine()?,
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
