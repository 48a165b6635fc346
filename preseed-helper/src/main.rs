//! `preseed-helper run NAME`: restores one service's data if, and only if, it is missing.
//! `preseed-helper drill NAME`: tries out whether it could be restored.

mod drill;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use declaration::Search;
use declaration::settings::Service;
use declaration::value::TierName;
use report::{Kind, event, hold, words};
use restore::decide::Refusal;
use restore::{interrupt, run, verify};
use systemd::retry;

/// Restores one service's data if, and only if, it is missing. Run by preseed-NAME.service.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Restore the service's data if it is missing. Exit status: 0 the service may start, 1 it must not,
    /// 78 its declaration cannot be used.
    Run {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
    },
    /// Try out whether the service's data can be restored: each tier restores it beside the service's own, which is left
    /// alone. Exit status: 0 the newest of each tier can be restored, 1 one cannot, or could not be asked, 78 its
    /// declaration cannot be used.
    Drill {
        /// The service's name: its declaration's file name without `.toml`.
        name: String,
        /// Only this tier: `rollback`, `snapshot` or `restic`.
        #[arg(long)]
        tier: Option<TierName>,
    },
    /// Throw away what a drill has left that was killed.
    #[command(hide = true)]
    AfterDrill {
        /// The service's name.
        name: String,
    },
    /// For the timer that a refusal sets which may heal by itself: starts again what waited for the service.
    #[command(hide = true)]
    Retry {
        /// The service's name.
        name: String,
    },
}

fn main() -> ExitCode {
    if let Some(exit) = verify::answer() {
        return exit;
    }
    let name = match Arguments::parse().command {
        Command::Run { name } => name,
        Command::Drill { name, tier } => return drill::drill(&name, tier),
        Command::AfterDrill { name } => return drill::tidy_up(&name),
        Command::Retry { name } => return start_again(&name),
    };
    let service = match report::begin_for("preseed-helper run", &name) {
        Ok(service) => service,
        Err(exit) => return exit,
    };
    if is_unit_of_broken() {
        return told_to_reload(&service);
    }
    interrupt::watch(interrupt::left_of_a_restore(&service));
    let ended = run::run(&service);
    // What failed since an interrupt is no answer.
    storage::interrupt::halt();
    match ended {
        Ok(_) => {
            hold::forget(&name);
            retry::succeeded(&name);
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            refuse(&service, &refusal);
            ExitCode::FAILURE
        }
    }
}

fn refuse(service: &Service, refusal: &Refusal) {
    let name = service.name.as_str();
    let again = retry::later(service, &refusal.error);
    let with_again = |told: String| match &again {
        Some(again) => format!("{told}; {again}"),
        None => told,
    };
    let line = with_again(refusal.error.to_string());
    let in_brief = refusal.in_brief.as_ref();
    let in_brief = in_brief.map(|brief| with_again(format!("{name}: not started: {brief}")));
    let code = refusal.error.kind().code();
    report::refuse(refusal.kind, name, code, &line, in_brief.as_deref());
}

/// Whether systemd runs us in the unit of a declaration that could not be used: it has no rights, and only tells why.
fn is_unit_of_broken() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capable = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let has_none = capable.is_some_and(|set| set.trim().bytes().all(|digit| digit == b'0'));
    has_none && process::systemd_runs_us()
}

fn told_to_reload(service: &Service) -> ExitCode {
    let told = format!(
        "{}: it is sound now, and systemd does not know yet: run `systemctl daemon-reload`, then start the service again",
        service.source.display()
    );
    let (kind, code) = (Kind::DeclarationBroken, event::BROKEN_DECLARATION);
    report::refuse(kind, service.name.as_str(), code, &told, None);
    ExitCode::FAILURE
}

fn start_again(name: &str) -> ExitCode {
    if let Err(exit) = report::begin("preseed-helper retry") {
        return exit;
    }
    // One that is not declared any more, or not soundly, needs a person.
    if declaration::load_service(&Search::from_env(), name).is_err() {
        retry::end(name);
        return ExitCode::SUCCESS;
    }
    match retry::start(name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            words::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
