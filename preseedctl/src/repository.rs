//! `preseedctl repository init|list|check|maintain NAME`

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use declaration::Search;
use declaration::settings::{Host, Service};
use protection::maintain;
use protection::repository::{self, Filed};
use report::words;
use restore::interrupt;
use storage::{Result, local};

use crate::say::say_line;

/// What is done with a repository.
#[derive(Subcommand)]
pub(crate) enum Of {
    /// Make the repository, which must not be there yet. Nothing else ever does.
    Init {
        /// Its name in preseed.toml.
        repository: String,
    },
    /// List its snapshots: when, of which host and path, with which tags, and which service would be restored from them.
    List {
        /// Its name in preseed.toml.
        repository: String,
    },
    /// See that it can be asked and is sound, and how old each service's newest backup is. Exit status 1 if it is not, or a
    /// service has none.
    Check {
        /// Its name in preseed.toml.
        repository: String,
    },
    /// Do at once what maintain-repository-NAME.timer does: forget, prune, and check a part of the data.
    Maintain {
        /// Its name in preseed.toml.
        repository: String,
        /// Forget also where it is more than half of a service's backups.
        #[arg(long)]
        yes: bool,
    },
}

/// How long a repository may make no progress.
const STALL_TIMEOUT: Duration = Duration::from_mins(30);

/// Does it.
pub(crate) fn repository(what: &Of) -> ExitCode {
    interrupt::watch(
        "interrupted: all that this run had started is ended; what it had not done is done by the next run".to_owned(),
    );
    let host = declaration::load(&Search::from_env());
    let done = match what {
        Of::Init { repository } => init(&host, repository),
        Of::List { repository } => list(&host, repository),
        Of::Check { repository } => check(&host, repository),
        Of::Maintain { repository, yes } => return maintain(&host, repository, *yes),
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            words::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn maintain(host: &Host, name: &str, yes: bool) -> ExitCode {
    // What goes wrong is told on the way.
    match maintain::maintain(host, name, yes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn init(host: &Host, name: &str) -> Result<ExitCode> {
    repository::init(maintain::find(host, name)?, STALL_TIMEOUT)?;
    say_line!("repository {name}: made");
    Ok(ExitCode::SUCCESS)
}

fn list(host: &Host, name: &str) -> Result<ExitCode> {
    let filed = repository::list(maintain::find(host, name)?, STALL_TIMEOUT)?;
    for one in &filed {
        let of = services_of(host, name, one);
        say_line!(
            "{}  {}  {}  {}  {}  {}",
            one.label(),
            local(one.taken),
            one.host,
            one.paths.join(" "),
            one.tags.join(","),
            if of.is_empty() {
                "-".to_owned()
            } else {
                of.join(",")
            }
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The services that a snapshot is of, by name.
fn services_of<'a>(host: &'a Host, name: &str, filed: &Filed) -> Vec<&'a str> {
    let of_it = |service: &&Service| repository::is_of(service, name, filed);
    let services = host.services.iter().filter(of_it);
    services.map(|service| service.name.as_str()).collect()
}

fn check(host: &Host, name: &str) -> Result<ExitCode> {
    let declared = maintain::find(host, name)?;
    let filed = repository::list(declared, STALL_TIMEOUT)?;
    repository::check(declared, STALL_TIMEOUT)?;
    say_line!(
        "repository {name}: {}; it is sound",
        words::count(filed.len(), "snapshot", "snapshots")
    );
    let mut exit = ExitCode::SUCCESS;
    for service in &host.services {
        if !repository::names(service, name) {
            continue;
        }
        let mut own = filed
            .iter()
            .filter(|one| repository::is_of(service, name, one));
        if let Some(newest) = own.by_ref().map(|one| one.taken).max() {
            say_line!(
                "{}: the newest backup is of {}",
                service.name,
                local(newest)
            );
        } else {
            say_line!("{}: there is no backup of it", service.name);
            exit = ExitCode::FAILURE;
        }
    }
    Ok(exit)
}
