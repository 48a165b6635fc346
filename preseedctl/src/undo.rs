//! `preseedctl undo NAME`

use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Service;
use report::progress::bytes;
use report::{status, words};
use restore::undo::Offer;
use restore::{interrupt, undo_set};
use storage::written::Written;
use storage::{Result, local, lock};
use systemd::units;

use crate::agreed::{exit, tell_replaced, tell_units};
use crate::ask::agrees;
use crate::one_service;
use crate::say::say_line;
use crate::stopped::{Stopped, must_run_no_more};

/// Undoes the last restore of a service, once somebody has agreed.
pub(crate) fn undo(name: &str, stop: bool, yes: bool) -> ExitCode {
    let Some(service) = one_service::load(&Search::from_env(), name) else {
        return ExitCode::FAILURE;
    };
    let done = undo_it(&service, stop, yes);
    exit(done)
}

fn undo_it(service: &Service, stop: bool, yes: bool) -> Result<bool> {
    let name = service.name.as_str();
    let stopped = Stopped::watch(&format!(
        "interrupted: either is in the place, and the other is kept. `systemctl start dataset-{name} preseed-{name}` finishes \
         what was begun"
    ));
    let offers = undo_set::offer(service)?;
    let running = units::running(service)?;
    for offer in &offers {
        tell(offer);
    }
    tell_units(&running, stop);
    let places = offers.iter().map(|offer| offer.place.as_path());
    tell_replaced(places, "another undo");
    if !stop {
        must_run_no_more(service, &running)?;
    }
    let otherwise = format!("to undo it all the same, add --yes ({name})");
    if !yes && !agrees("Undo it?", &otherwise) {
        return Ok(false);
    }
    let locks = lock::lock_all(service, status::wait_for_another)?;
    let undone = stopped
        .stop_if(stop, service)
        .and_then(|()| undo_set::undo(service, &offers));
    drop(locks);
    interrupt::halt();
    let has_started = stopped.start_again();
    let kept: Vec<String> = undone?.into_iter().map(|kept| kept.name).collect();
    let kept = if kept.is_empty() {
        "nothing".to_owned()
    } else {
        kept.join(", ")
    };
    say_line!(
        "{name}: undone; what was there is kept as {kept}, and `preseedctl undo {name}` brings it back"
    );
    Ok(has_started)
}

/// Tells what would come back of a part.
fn tell(offer: &Offer) {
    let (mark, part) = (&offer.mark, &offer.part);
    say_line!(
        "{part}: undo the restore by {} from {}, {}",
        mark.by,
        mark.from,
        local(mark.at)
    );
    say_line!("  returns   {}", offer.kept.name);
    say_line!("  written   {}", in_words(&offer.written));
}

/// What was written since a restore, for people.
fn in_words(written: &Written) -> String {
    if written.is_nothing() {
        return "nothing since the restore".to_owned();
    }
    let files = usize::try_from(written.files).unwrap_or(usize::MAX);
    let mut text = match files {
        0 => "since the restore no file".to_owned(),
        _ => format!(
            "since the restore {}, {}",
            words::count(files, "file", "files"),
            bytes(written.bytes)
        ),
    };
    if !written.names.is_empty() {
        text = format!("{text}: {}", written.names.join(", "));
    }
    if written.files > written.names.len() as u64 {
        text.push_str(", …");
    }
    if written.directories > 0 {
        let many = usize::try_from(written.directories).unwrap_or(usize::MAX);
        text = format!(
            "{text}; entries of {} made or removed",
            words::count(many, "directory", "directories")
        );
    }
    if written.in_part {
        text.push_str("; perhaps more");
    }
    text
}
