//! `preseed-helper drill NAME`

use std::process::ExitCode;

use declaration::value::TierName;
use report::{Event, Kind, status};
use restore::drill::{self, Order};
use restore::interrupt;
use storage::Error;

/// Drills a service, and says how it ended as the status.
pub(crate) fn drill(name: &str, tier: Option<TierName>) -> ExitCode {
    let service = match report::begin_for("preseed-helper drill", name) {
        Ok(service) => service,
        Err(exit) => return exit,
    };
    interrupt::watch(format!(
        "interrupted: all that this run had started is ended; `preseed-helper after-drill {name}` throws away what is left"
    ));
    let order = Order {
        tier,
        by_hand: tier.is_some(),
    };
    let ended = drill::drill(&service, order);
    // What failed since an interrupt is no answer.
    storage::interrupt::halt();
    match ended {
        Ok(results) => {
            status::set(&drill::summary(&results));
            exit(drill::is_well(&results))
        }
        Err(error) => not_drilled(name, &error),
    }
}

/// Throws away what a drill has left that was killed.
pub(crate) fn tidy_up(name: &str) -> ExitCode {
    if let Err(exit) = report::begin("preseed-helper after-drill") {
        return exit;
    }
    let ended = match report::service(name) {
        Ok(service) => drill::tidy_up(&service),
        Err(exit) => return exit,
    };
    ended.map_or_else(|error| not_drilled(name, &error), |()| ExitCode::SUCCESS)
}

fn not_drilled(name: &str, error: &Error) -> ExitCode {
    let line = error.to_string();
    status::set(&line);
    let event = Event::new(
        Kind::NotProven,
        name,
        format!("the drill did not end well: {line}"),
    );
    event.outcome("failed").error(error.kind().code()).tell();
    ExitCode::FAILURE
}

fn exit(is_well: bool) -> ExitCode {
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
