//! `protect-helper`: keeps services' data safe, so that there is something to restore.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use declaration::Search;
use declaration::settings::Service;
use protection::{backup, maintain, proofs, room, snapshots};
use report::{Event, Kind, status};
use restore::{interrupt, verify};
use storage::Error;

/// Keeps services' data safe. Run by the units that preseed-generator writes.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Back a service's data up to its restic repository. Exit status: 0 done, 1 it was not, 78 its declaration cannot be
    /// used.
    Backup {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
    },
    /// Do what a backup owes that was killed.
    #[command(hide = true)]
    After {
        /// The service's name.
        name: String,
    },
    /// Look after a restic repository: forget what `keep` of its services does not keep, prune, and check a part of its data.
    Maintain {
        /// Its name in preseed.toml.
        name: String,
    },
    /// Take the snapshots that are due as their policies say, hold the last good one of each service, and prune.
    Snapshots,
    /// Have the newest snapshots of services with checks prove themselves, and hold them.
    Prove,
    /// Tell of pools that are 80 or 90 % full: at once, and then once a day, what may be released in them and how.
    Room,
}

fn main() -> ExitCode {
    if let Some(exit) = verify::answer() {
        return exit;
    }
    let command = Arguments::parse().command;
    if let Err(exit) = report::begin("protect-helper") {
        return exit;
    }
    if let Command::Maintain { .. } | Command::Snapshots | Command::Prove | Command::Room = &command
    {
        interrupt::watch("interrupted: all that this run had started is ended".to_owned());
        let host = declaration::load(&Search::from_env());
        return done(match &command {
            Command::Maintain { name } => maintain::maintain(&host, name, false),
            Command::Room => room::look(&host),
            Command::Prove => proofs::prove(&host),
            _ => snapshots::round(&host),
        });
    }
    let name = command.name();
    let work: fn(&Service) -> Result<(), Error> = match &command {
        Command::Backup { .. } => backup::backup,
        _ => backup::tidy_up,
    };
    let service = match report::service(name) {
        Ok(service) => service,
        Err(exit) => return exit,
    };
    interrupt::watch(format!(
        "interrupted: all that this run had started is ended; `protect-helper after {name}` tidies up"
    ));
    let ended = work(&service);
    // What failed since an interrupt is no answer.
    storage::interrupt::halt();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = error.to_string();
            status::set(&line);
            // The journal's line begins with the name as it is.
            let why = line.strip_prefix(&format!("{name}: ")).unwrap_or(&line);
            let what = match &command {
                Command::After { .. } => "what a backup owes was not done",
                _ => "the backup did not end well",
            };
            let event = Event::new(Kind::NotBackedUp, name, format!("{what}: {why}"));
            let event = event.tier("restic").outcome("failed");
            event.error(error.kind().code()).tell();
            ExitCode::FAILURE
        }
    }
}

/// What goes wrong was told on the way.
fn done(ended: Result<(), Error>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            status::set(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

impl Command {
    /// What it is about.
    fn name(&self) -> &str {
        match self {
            Self::Backup { name } | Self::After { name } | Self::Maintain { name } => name,
            Self::Snapshots | Self::Prove | Self::Room => "",
        }
    }
}
