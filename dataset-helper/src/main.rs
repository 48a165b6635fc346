//! `dataset-helper apply NAME`: makes one service's dataset be what is declared.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dataset_helper::{Done, apply};
use declaration::Search;
use declaration::settings::Utility;
use report::{Event, Kind, hold};
use storage::{Applied, drift, kept};
use systemd::retry;

/// Makes one service's dataset, or one that belongs to none, be what is declared. Run by dataset-NAME.service.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create the dataset if it is missing, set the declared properties that differ, mount it, and give the
    /// mountpoint its owner and mode. Exit status: 0 done, 1 it cannot be done, 78 the declaration cannot be used.
    Apply {
        /// The service's name: its declaration's file name without `.toml`; or that of a `[dataset.NAME]`.
        name: String,
    },
}

const COMMAND: &str = "dataset-helper apply";

fn main() -> ExitCode {
    let Arguments {
        command: Command::Apply { name },
    } = Arguments::parse();
    if let Some(utility) = declaration::load_utility(&Search::from_env(), &name) {
        return match report::begin(COMMAND) {
            Ok(()) => apply_utility(&name, &utility),
            Err(exit) => exit,
        };
    }
    let service = match report::begin_for(COMMAND, &name) {
        Ok(service) => service,
        Err(exit) => return exit,
    };
    let mut done = Vec::new();
    let result = apply(&service, &mut done);
    for Done { part, applied } in done {
        tell(&name, &part, applied);
    }
    match result {
        Ok(()) => {
            hold::forget(&name);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let line = match retry::later(&service, &error) {
                Some(again) => format!("{error}; {again}"),
                None => error.to_string(),
            };
            let code = error.kind().code();
            report::refuse(Kind::StorageFailed, &name, code, &line, None);
            ExitCode::FAILURE
        }
    }
}

/// Makes a dataset that belongs to no service what is declared.
fn apply_utility(name: &str, utility: &Utility) -> ExitCode {
    let mut applied = Applied::default();
    let result = drift::apply_utility(utility, false, &mut applied);
    tell(name, name, applied);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = error.kind().code();
            report::refuse(Kind::StorageFailed, name, code, &error.to_string(), None);
            ExitCode::FAILURE
        }
    }
}

/// Tells what was done for a part of the service.
fn tell(service: &str, part: &str, applied: Applied) {
    if let Some((mark, kept)) = &applied.finished {
        let mut message = kept::finished(mark, kept.as_ref());
        if kept.is_some() {
            message.push_str(&kept::way_back(service));
        }
        Event::new(Kind::Restored, part, message)
            .of(service)
            .source(&mark.by)
            .outcome("restored")
            .snapshot(&mark.from)
            .tell();
    }
    for change in applied.changes {
        Event::new(Kind::StorageChanged, part, change)
            .of(service)
            .outcome("changed")
            .tell();
    }
    for difference in applied.differs {
        Event::new(Kind::StorageDiffers, part, difference)
            .of(service)
            .outcome("differs")
            .tell();
    }
}
