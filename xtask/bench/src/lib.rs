//! What things cost, beside the least they could cost. Printed as Markdown: `docs/figures.md` is a copy.

mod backup;
mod boot;
mod constant;
mod declarations;
mod generator;
mod guest;
mod machine;
mod many;
mod process;
mod programs;
mod rounds;
mod samples;
mod size;
mod start;
mod table;
mod transfer;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use product::binaries::Binaries;
use size::Size;
use vm::{Choice, Vms};

/// What is measured.
#[derive(Args)]
pub struct Task {
    /// Only this; all of it takes more than an hour on an emulated machine
    part: Option<Part>,
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    choice: Choice,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The generator, on this machine
    Generator,
    /// All that follow: on real ZFS, in virtual machines
    Zfs,
    /// A start of a service whose data is there
    Start,
    /// Starts of many services whose data is there
    Many,
    /// Rollback and clone
    Constant,
    /// Receive from a replica
    Receive,
    /// Restore from restic
    Restic,
    /// Back up to restic
    Backup,
    /// Rounds of many services' snapshots
    Rounds,
    /// A boot with forty services
    Boot,
}

/// Measures a part, and prints it.
type Measure = fn(&Vms, Size) -> anyhow::Result<()>;

/// Measures, and prints tables and which claims they bear out.
///
/// # Errors
/// Something cannot be measured. A claim that is missed is no error: it is printed.
pub fn run(task: &Task) -> anyhow::Result<ExitCode> {
    let wanted = |part| match task.part {
        None => true,
        Some(Part::Zfs) => part != Part::Generator,
        Some(only) => only == part,
    };
    let built = Binaries::build()?;
    machine::print()?;
    if wanted(Part::Generator) {
        generator::measure(&built)?;
    }
    if task.part == Some(Part::Generator) {
        return Ok(ExitCode::SUCCESS);
    }
    let (vms, size) = (Vms::open(&built, task.choice.kind()?)?, task.size);
    guest::print(&vms)?;
    let parts: [(Part, Measure); 8] = [
        (Part::Start, start::measure),
        (Part::Many, many::measure),
        (Part::Constant, constant::measure),
        (Part::Receive, transfer::receive),
        (Part::Restic, transfer::restic),
        (Part::Backup, backup::measure),
        (Part::Rounds, rounds::measure),
        (Part::Boot, |vms, _| boot::measure(vms)),
    ];
    for (part, measure) in parts {
        if wanted(part) {
            measure(&vms, size)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
