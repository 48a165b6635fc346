//! What things cost, beside the least they could cost. Printed as Markdown: `docs/figures.md` is a copy.

mod constant;
mod declarations;
mod generator;
mod guest;
mod machine;
mod many;
mod process;
mod programs;
mod samples;
mod start;
mod table;
mod transfer;

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use product::binaries::Binaries;
use vm::{Choice, Vms};

/// What is measured.
#[derive(Args)]
pub struct Task {
    /// Only this; all of it takes about 50 minutes on an emulated machine
    part: Option<Part>,
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
}

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
    let vms = Vms::open(&built, task.choice.kind()?)?;
    guest::print(&vms)?;
    if wanted(Part::Start) {
        start::measure(&vms)?;
    }
    if wanted(Part::Many) {
        many::measure(&vms)?;
    }
    if wanted(Part::Constant) {
        constant::measure(&vms)?;
    }
    if wanted(Part::Receive) {
        transfer::receive(&vms)?;
    }
    if wanted(Part::Restic) {
        transfer::restic(&vms)?;
    }
    Ok(ExitCode::SUCCESS)
}
