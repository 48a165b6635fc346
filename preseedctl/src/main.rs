//! `preseedctl`: what a person types.

mod accept;
mod agreed;
mod ask;
mod bring_out;
mod cat;
mod catalog;
mod check;
mod completions;
mod diff;
mod drill;
mod enable;
mod forget;
mod guard;
mod kept;
mod list;
mod one_service;
mod plan;
mod release;
mod remember;
mod repository;
mod restore;
mod say;
mod show;
mod state_directory;
mod status;
mod stopped;
mod undo;
mod units;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use declaration::Search;
use declaration::value::TierName;

/// Looks after services' data: checks what is declared, shows and restores what was saved, and undoes that.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check all declarations. Prints every error of every file, each as `file:line:column: what: what to do`;
    /// exit status 1 if there is one. What to be warned of is told as well: a unit that does not exist or does not wait
    /// for its data, a service that nothing could restore, a file that is not read.
    Check {
        /// Only look whether each declared unit exists and waits for its data; exit status 1 if one does not. Run at
        /// boot by storage-preseed-check.service.
        #[arg(long)]
        units: bool,
    },
    /// Print the files that make the service, the lowest first: `preseed.toml`, the template, the service's own file,
    /// each with its fragments. Also of a service that is broken; exit status 1 if one of them cannot be read or must not be relied on, or
    /// if more may be missing.
    Cat {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
    },
    /// Print each value of the service as it holds in the end, and where it comes from: file and line, the template,
    /// `preseed.toml`, or the default. Exit status 1 if the declaration is broken.
    Show {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the templates that a declaration can start from: which were run for real and which are taken from
    /// documentation, and which of their services may start empty. With a name, print that template, with the reason for
    /// each value.
    Catalog {
        /// The template's name: its file's name without `.toml`.
        template: Option<String>,
    },
    /// Print in what the service's storage differs from what is declared, key by key, with file, line and column; without
    /// a name, of all services and declared datasets, and which datasets beside them nothing declares. Changes nothing. Exit
    /// status: 0 all is so, 1 something differs, 2 it could not be told.
    Diff {
        /// The service's name, or that of a `[dataset.NAME]` of `preseed.toml`.
        name: Option<String>,
        /// As JSON, also what is the same.
        #[arg(long)]
        json: bool,
    },
    /// Make the service's storage what is declared, also where somebody changed it by hand. Shows first what differs. What
    /// is not declared stays. Exit status: 0 it is so now, 1 ZFS refused something, 2 it could not be done.
    Apply {
        /// The service's name, or that of a `[dataset.NAME]` of `preseed.toml`.
        name: String,
    },
    /// Tell what a restore of the service would do now, and why. Changes nothing; exit status 1 if the
    /// service would not start.
    Plan {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
        /// As if all of its data were lost this minute. The service may run.
        #[arg(long)]
        assume_lost: bool,
    },
    /// List every snapshot of every tier, newest first: when it was taken, its size, whether it holds the data, and whether a
    /// drill has restored it. Of a service with places, those of one time are a line. Exit status 1 if a source could not be
    /// asked.
    List {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
        /// Look into all of them, not only into the newest 20 of each source.
        #[arg(long)]
        all: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Tell how it is with each service, the worst first: whether its data is there, how old its newest snapshot, replica and
    /// backup are, and what to do about what is not well. With names, a page of each: also what is promised against what was
    /// measured, what is held and kept, and what would be restored if the data were lost now. Of a pool that is 80 % full, also
    /// what is held and kept in it, and which command lets go of it. Exit status: 0 all is well, 1 a promise is broken, a pool
    /// is 80 % full, or something cannot be told, 2 a service is down, or a pool is 90 % full.
    Status {
        /// Names of services; all, if there is none.
        names: Vec<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Ask repositories and other machines as well. Otherwise, what was noted here is told of them.
        #[arg(long)]
        ask: bool,
    },
    /// Restore the service's data as it was at a time, from the newest snapshot of all tiers that holds it and is not
    /// younger. Shows which and asks first. What is there is replaced and kept, never rolled back: `undo` brings it back.
    /// All places of the service come back, or none. With --into, files are brought out, and the service is left alone.
    Restore(restore::Arguments),
    /// Undo the last restore of the service: what it replaced comes back in its place, in all places that it replaced. Says what was written since, and
    /// keeps that in turn: another undo brings it back. Asks first.
    Undo {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
        /// Stop the service's units first, and start them again in any case.
        #[arg(long)]
        stop: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Try out whether the service's data can be restored: each tier restores its newest candidate, and in turn an older one,
    /// beside the service's own, verifies it, times it and throws it away. The service may run, and is left alone. Exit
    /// status 1 if the newest of a tier cannot be restored, or a tier could not be asked.
    Drill {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
        /// Only this tier.
        #[arg(long, value_parser = drill::tiers())]
        tier: Option<TierName>,
    },
    /// Keep the service's units down whenever its data is not looked after, even if preseed-generator is
    /// missing or fails: writes a drop-in for each of them below /etc/systemd/system.
    Enable {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
    },
    /// Undo `enable`: remove the drop-ins that it wrote.
    Disable {
        /// The service's name. It need not be declared any more.
        name: String,
    },
    /// List what restores replaced and keep: what it was, when and by which restore it was replaced, what its
    /// release frees and takes along, and when it expires.
    Kept {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove what a restore replaced, for good, with its snapshots. Shows what goes and asks first. Refuses anything
    /// that is not listed by `kept`, and what somebody holds, has cloned or has mounted.
    Release {
        /// Names as `kept` lists them, or a service's name for all that is kept of it.
        #[arg(required_unless_present = "expired")]
        names: Vec<String>,
        /// All that has been kept for as long as its service's `keep-replaced` says. Run daily by
        /// storage-preseed-kept.timer.
        #[arg(long, conflicts_with = "names")]
        expired: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Forget that a service had data, so that it may start empty where no source has any. Tells what is remembered
    /// and asks first. What stands of it elsewhere is given up, and stays where it is. A dated note is left, which
    /// outranks what a pool remembers that is not here now.
    Forget {
        /// The service's name. It need not be declared any more.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Take the service's data for good as it is, although most of what there was has vanished since the last backup: the
    /// next backup is not compared with it.
    Accept {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
    },
    /// Make, list, check or look after a restic repository.
    Repository {
        /// What is done.
        #[command(subcommand)]
        what: repository::Of,
    },
    /// Remember of each service whose data is there that it has data, outside of it. Run daily by
    /// storage-preseed-kept.timer.
    Remember,
    /// Print names, one a line, for the completions.
    #[command(hide = true)]
    Names {
        /// Of what.
        of: completions::Names,
        /// Of which service, for its snapshots.
        service: Option<String>,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Command {
    /// Its name where only root can do it.
    fn of_root(&self) -> Option<&'static str> {
        match self {
            Self::Diff { .. } => Some("preseedctl diff"),
            Self::Apply { .. } => Some("preseedctl apply"),
            Self::Plan { .. } => Some("preseedctl plan"),
            Self::List { .. } => Some("preseedctl list"),
            Self::Status { .. } => Some("preseedctl status"),
            Self::Restore(_) => Some("preseedctl restore"),
            Self::Undo { .. } => Some("preseedctl undo"),
            Self::Drill { .. } => Some("preseedctl drill"),
            Self::Kept { .. } => Some("preseedctl kept"),
            Self::Release { .. } => Some("preseedctl release"),
            Self::Forget { .. } => Some("preseedctl forget"),
            Self::Accept { .. } => Some("preseedctl accept"),
            Self::Repository { .. } => Some("preseedctl repository"),
            Self::Remember => Some("preseedctl remember"),
            // In another root, they are whose that is.
            Self::Enable { .. } if Search::from_env().is_of_this_machine() => {
                Some("preseedctl enable")
            }
            Self::Disable { .. } if Search::from_env().is_of_this_machine() => {
                Some("preseedctl disable")
            }
            Self::Check { .. }
            | Self::Cat { .. }
            | Self::Catalog { .. }
            | Self::Show { .. }
            | Self::Names { .. }
            | Self::Enable { .. }
            | Self::Disable { .. }
            | Self::Completions { .. } => None,
        }
    }
}

fn main() -> ExitCode {
    if let Some(exit) = ::restore::verify::answer() {
        return exit;
    }
    let command = Arguments::parse().command;
    match command.of_root().map(report::begin) {
        Some(Ok(())) => {}
        Some(Err(exit)) => return exit,
        None => report::begin_for_anybody(),
    }
    match command {
        Command::Check { units: false } => check::check(),
        Command::Check { units: true } => check::check_units(),
        Command::Cat { name } => cat::cat(&name),
        Command::Catalog { template: None } => catalog::list(),
        Command::Catalog {
            template: Some(name),
        } => catalog::show(&name),
        Command::Show { name, json } => show::show(&name, json),
        Command::Diff { name, json } => diff::diff(name.as_deref(), json),
        Command::Apply { name } => diff::apply(&name),
        Command::Plan { name, assume_lost } => plan::plan(&name, assume_lost),
        Command::List { name, all, json } => list::list(&name, all, json),
        Command::Status { names, json, ask } => status::status(&names, json, ask),
        Command::Restore(arguments) => restore::restore(&arguments),
        Command::Undo { name, stop, yes } => undo::undo(&name, stop, yes),
        Command::Drill { name, tier } => drill::drill(&name, tier),
        Command::Enable { name } => enable::enable(&name),
        Command::Disable { name } => enable::disable(&name),
        Command::Kept { json } => kept::kept(json),
        Command::Release { expired: true, .. } => release::release_expired(),
        Command::Release { names, yes, .. } => release::release(&names, yes),
        Command::Forget { name, yes } => forget::forget(&name, yes),
        Command::Accept { name } => accept::accept(&name),
        Command::Repository { what } => repository::repository(&what),
        Command::Remember => remember::remember(),
        Command::Names { of, service } => completions::names(of, service.as_deref()),
        Command::Completions { shell } => completions::completions::<Arguments>(shell),
    }
}
