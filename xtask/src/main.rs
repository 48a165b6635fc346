//! What is done with this tree: `cargo xtask COMMAND`.

mod change;
mod demo;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "what is done with this tree")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build, and put the files at their places
    Install {
        /// The directory they are put below; `/` for this machine
        #[arg(long)]
        root: PathBuf,
    },
    /// Run all tests, those in containers and in virtual machines too
    Test(test::Extent),
    /// Measure, and print the figures of docs/figures.md
    Bench(bench::Task),
    /// Show the main job on this machine, in a throw-away container
    Demo {
        /// On real ZFS, in a virtual machine
        #[arg(long)]
        zfs: bool,
        #[command(flatten)]
        choice: vm::Choice,
    },
    /// Throw-away containers of this machine's own root, with real systemd
    #[command(subcommand)]
    Container(container::Task),
    /// Virtual machines with real ZFS
    #[command(subcommand, alias = "forge")]
    Vm(vm::Task),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Install { root } => {
            product::install::build_and_install(&root).map(|()| ExitCode::SUCCESS)
        }
        Task::Test(extent) => Ok(test::run(extent)),
        Task::Bench(task) => bench::run(&task),
        Task::Demo { zfs, choice } => demo::run(zfs, choice),
        Task::Container(task) => container::run(task),
        Task::Vm(task) => vm::run(task),
    };
    done.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
