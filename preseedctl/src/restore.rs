//! `preseedctl restore NAME`

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use declaration::Search;
use declaration::settings::Service;
use jiff::Timestamp;
use report::{status, words};
use restore::by_hand::{self, Offer, Request};
use restore::chosen::Choice;
use restore::{bring_out, interrupt};
use storage::{Error, Outside, Result, local, lock};
use systemd::{timestamp, units};

use crate::agreed::{exit, tell_units};
use crate::ask::agrees;
use crate::list::with_distance;
use crate::one_service;
use crate::say::say_line;
use crate::stopped::{Stopped, must_run_no_more};

/// What `preseedctl restore` is told.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The service's name: its declaration's file name without `.toml`.
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
    /// Bring the files out to this directory, and leave the service alone. It is made if it is missing.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// With --into: only these, as paths in the service's directory.
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
    let Some(service) = one_service::load(&Search::from_env(), &arguments.name) else {
        return ExitCode::FAILURE;
    };
    let done = arguments
        .request()
        .and_then(|(request, at)| match &arguments.into {
            Some(directory) => out_to(&service, arguments, &request, at, directory),
            None => in_place(&service, arguments, &request, at),
        });
    exit(done)
}

impl Arguments {
    /// What is asked for, and the time that it is measured from.
    fn request(&self) -> Result<(Request, Timestamp)> {
        let now = Timestamp::now();
        let at = self.at.as_deref().map_or(Ok(now), timestamp::timestamp)?;
        let choice = match &self.snapshot {
            Some(name) => Choice::Named(name.clone()),
            None => Choice::NotAfter(at),
        };
        let tier = self.tier.as_ref().and_then(|tier| tier.parse().ok());
        Ok((Request { choice, tier }, at))
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
    let offer = by_hand::offer(service, request)?;
    let running = units::running(service)?;
    tell(service, &offer, at);
    tell_units(&running, arguments.stop);
    say_line!(
        "  replaces  {}, which is kept: `preseedctl undo {name}` brings it back",
        service.mountpoint.display()
    );
    if !arguments.stop {
        must_run_no_more(service, &running)?;
    }
    let otherwise = format!("to restore {name} all the same, add --yes");
    if !arguments.yes && !agrees("Restore it?", &otherwise) {
        return Ok(false);
    }
    let lock = lock::lock(service, status::wait_for_another)?;
    let restored = stopped
        .stop_if(arguments.stop, service)
        .and_then(|()| by_hand::restore(service, request));
    drop(lock);
    interrupt::halt();
    let has_started = stopped.start_again();
    let restored = restored?;
    say_line!(
        "{name}: restored from {} of {}",
        restored.label,
        restored.taken
    );
    match restored.kept {
        Some(kept) => say_line!(
            "What was there is kept as {}; `preseedctl undo {name}` brings it back",
            kept.name
        ),
        None => say_line!("Nothing was there, so nothing was replaced"),
    }
    Ok(has_started)
}

/// Brings files out to a directory.
fn out_to(
    service: &Service,
    arguments: &Arguments,
    request: &Request,
    at: Timestamp,
    directory: &Path,
) -> Result<bool> {
    let paths: Vec<PathBuf> = arguments
        .paths
        .iter()
        .map(|path| within(service, path))
        .collect::<Result<_>>()?;
    let directory = std::path::absolute(directory).map_err(|error| {
        Error::new(
            directory.to_string_lossy(),
            format!("this is no path: {error}"),
            "name a directory",
        )
    })?;
    interrupt::watch(format!(
        "interrupted: nothing was brought out but for a directory `.preseed-into-…` in {}, which can be removed",
        directory.display()
    ));
    let lock = lock::lock(service, status::wait_for_another)?;
    let offer = bring_out::offer(service, request, &paths)?;
    tell(service, &offer, at);
    let outside = Outside::at(&directory, service, arguments.force)?;
    let brought = bring_out::bring_out(service, request, &paths, &outside);
    drop(lock);
    let names = match brought {
        Ok(_) => outside.finish()?,
        Err(error) => {
            outside.discard();
            return Err(error);
        }
    };
    say_line!(
        "{}: {} brought out to {}; the service is as it was",
        service.name,
        words::count(names.len(), "entry", "entries"),
        directory.display()
    );
    Ok(true)
}

/// A path as it is in the service's directory.
fn within(service: &Service, path: &Path) -> Result<PathBuf> {
    let relative = path.strip_prefix(&*service.mountpoint).unwrap_or(path);
    let is_plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if let Some(place) = service.nested.iter().find(|at| relative.starts_with(at)) {
        return Err(Error::new(
            path.to_string_lossy(),
            format!(
                "it lies in {}, a place of the service, of which nothing is brought out yet",
                place.display()
            ),
            "take it from a snapshot of that place, or with `restic restore`",
        ));
    }
    if is_plain && relative.components().next().is_some() {
        return Ok(relative.to_path_buf());
    }
    Err(Error::new(
        path.to_string_lossy(),
        format!("this is no path in {}", service.mountpoint.display()),
        "name it as it is there, e.g. `config.xml`, without `..`",
    ))
}

/// Tells what would be restored, and what there is before and after it.
fn tell(service: &Service, offer: &Offer, at: Timestamp) {
    let of = |label: &str, taken| with_distance(label, taken, at);
    say_line!("{} as of {}", service.name, local(at));
    say_line!(
        "  takes     {}, from {}",
        of(&offer.label, offer.snapshot.taken),
        offer.source
    );
    if let Some(earlier) = &offer.earlier {
        say_line!("  earlier   {}", of(earlier.label(), earlier.taken));
    }
    if let Some(later) = &offer.later {
        say_line!("  later     {}", of(later.label(), later.taken));
    }
    for passed_over in &offer.passed_over {
        say_line!("  not       {passed_over}");
    }
    for not_asked in &offer.not_asked {
        say_line!("  asked     {not_asked}");
    }
}
