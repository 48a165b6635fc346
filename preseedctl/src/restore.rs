//! `preseedctl restore NAME`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use declaration::Search;
use declaration::settings::Service;
use jiff::Timestamp;
use report::status;
use restore::by_hand::{Request, Restored};
use restore::chosen::Choice;
use restore::{by_hand_set, interrupt};
use storage::{Result, local, lock};
use systemd::{timestamp, units};

use crate::agreed::{exit, tell_offer, tell_replaced, tell_units};
use crate::ask::agrees;
use crate::bring_out::Out;
use crate::one_service;
use crate::say::say_line;
use crate::stopped::{Stopped, must_run_no_more};

/// What `preseedctl restore` is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The service's name: its declaration's file name without `.toml`; or NAME.PLACE for one of its places alone.
    pub(crate) name: String,
    /// The newest snapshot that holds the data and was not taken after this: `yesterday 18:00`, `-2h`, or as in
    /// systemd.time(7). Without it, the newest of all.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "snapshot"
    )]
    at: Option<String>,
    /// This snapshot, as `preseedctl list` names it.
    #[arg(long)]
    snapshot: Option<String>,
    /// Only from this tier.
    #[arg(long, value_parser = ["snapshot", "restic"])]
    tier: Option<String>,
    /// Bring the files out to this directory, and leave the service alone. It is made if it is missing. Those of a place come
    /// to a directory NAME.PLACE in it.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// With --into: only these, as paths in the service's directory, or in a place of it.
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "into")]
    paths: Vec<PathBuf>,
    /// With --into: the directory may hold something already. Nothing of it is overwritten.
    #[arg(long, requires = "into")]
    force: bool,
    /// Stop the service's units first, and start them again in any case.
    #[arg(long, conflicts_with = "into")]
    stop: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Restores what is asked for, once somebody has agreed.
pub(crate) fn restore(arguments: &Arguments) -> ExitCode {
    let meant = one_service::load_part(&Search::from_env(), &arguments.name);
    let Some((service, part)) = meant else {
        return ExitCode::FAILURE;
    };
    let done = arguments
        .request(part)
        .and_then(|(request, at)| match &arguments.into {
            Some(directory) => Out {
                service: &service,
                request: &request,
                at,
                may_hold_others: arguments.force,
            }
            .to(directory, &arguments.paths),
            None => in_place(&service, arguments, &request, at),
        });
    exit(done)
}

impl Arguments {
    /// What is asked for, and the time that it is measured from.
    fn request(&self, part: Option<String>) -> Result<(Request, Timestamp)> {
        let now = Timestamp::now();
        let at = self.at.as_deref().map_or(Ok(now), timestamp::timestamp)?;
        let choice = match &self.snapshot {
            Some(name) => Choice::Named(name.clone()),
            None => Choice::NotAfter(at),
        };
        let tier = self.tier.as_ref().and_then(|tier| tier.parse().ok());
        Ok((Request { choice, tier, part }, at))
    }
}

/// Replaces the service's data. Gives whether all was well; nobody agreeing is not.
fn in_place(
    service: &Service,
    arguments: &Arguments,
    request: &Request,
    at: Timestamp,
) -> Result<bool> {
    let name = service.name.as_str();
    let stopped = Stopped::watch(&interrupt::left_of_a_restore(service));
    let offers = by_hand_set::offer(service, request)?;
    let running = units::running(service)?;
    say_line!("{name} as of {}", local(at));
    for offer in &offers.parts {
        tell_offer(service, offer, at);
    }
    if let Some(differ) = &offers.differ {
        say_line!("  differ    {differ}");
    }
    tell_units(&running, arguments.stop);
    let places = offers.parts.iter().map(|offer| offer.place.as_path());
    tell_replaced(places, &format!("`preseedctl undo {name}`"));
    if !arguments.stop {
        must_run_no_more(service, &running)?;
    }
    let otherwise = format!("to restore {name} all the same, add --yes");
    if !arguments.yes && !agrees("Restore it?", &otherwise) {
        return Ok(false);
    }
    let locks = lock::lock_all(service, status::wait_for_another)?;
    let restored = stopped
        .stop_if(arguments.stop, service)
        .and_then(|()| by_hand_set::restore(service, &offers));
    drop(locks);
    interrupt::halt();
    let has_started = stopped.start_again();
    say_restored(name, restored?);
    Ok(has_started)
}

/// Tells what was restored, and last how it is undone.
fn say_restored(service: &str, restored: Vec<Restored>) {
    let mut kept = Vec::new();
    for part in restored {
        say_line!(
            "{}: restored from {} of {}",
            part.part,
            part.label,
            part.taken
        );
        kept.extend(part.kept.map(|kept| kept.name));
    }
    if kept.is_empty() {
        say_line!("Nothing was there, so nothing was replaced");
    } else {
        say_line!(
            "What was there is kept as {}; `preseedctl undo {service}` brings it back",
            kept.join(", ")
        );
    }
}
