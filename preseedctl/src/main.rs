//! `preseedctl`: what a person types.

mod check;
mod plan;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

/// Looks after services' data: checks their declarations, tells what a restore would do.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check all declarations. Prints every error of every file, each as `file:line:column: what: what to do`;
    /// exit status 1 if there is one.
    Check,
    /// Tell what a restore of the service would do now, and why. Changes nothing; exit status 1 if the
    /// service would not start.
    Plan {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check => check::check(),
        Command::Plan { name } => plan::plan(&name),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "preseedctl", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}
