//! How a command ends that somebody is asked about first.

use std::path::Path;
use std::process::ExitCode;

use declaration::settings::Service;
use jiff::Timestamp;
use report::words;
use restore::by_hand::Offer;
use restore::interrupt;
use storage::Result;

use crate::list::with_distance;
use crate::say::say_line;

/// The exit status. `done`: whether all was well; nobody agreeing is not.
pub(crate) fn exit(done: Result<bool>) -> ExitCode {
    // What failed since an interrupt is no answer.
    interrupt::halt();
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            words::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Tells what becomes of the units that run, with `--stop` or without it.
pub(crate) fn tell_units(running: &[String], stop: bool) {
    if running.is_empty() {
        return;
    }
    let what = if stop {
        "is stopped, and started again"
    } else {
        "must be stopped first"
    };
    say_line!("  units     {} {what}", running.join(" "));
}

/// Tells what is replaced, in what place, and how it comes back.
pub(crate) fn tell_replaced<'p>(places: impl Iterator<Item = &'p Path>, way_back: &str) {
    let places: Vec<String> = places.map(|place| place.display().to_string()).collect();
    let (are, them) = match places.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    say_line!(
        "  replaces  {}, which {are} kept: {way_back} brings {them} back",
        places.join(", ")
    );
}

/// Tells what would be restored, and what there is before and after it.
pub(crate) fn tell_offer(service: &Service, offer: &Offer, at: Timestamp) {
    let of = |label: &str, taken| with_distance(label, taken, at);
    if !service.places.is_empty() {
        say_line!(" {} at {}", offer.part, offer.place.display());
    }
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
