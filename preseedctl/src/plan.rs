//! `preseedctl plan NAME`

use std::process::ExitCode;

use declaration::Search;
use report::words;
use restore::interrupt;

use crate::one_service;
use crate::say::say_line;
use crate::units;

/// Prints what a restore would do.
pub(crate) fn plan(name: &str, assume_lost: bool) -> ExitCode {
    let search = Search::from_env();
    let Some(service) = one_service::load(&search, name) else {
        return ExitCode::FAILURE;
    };
    warn_of_units(&search, name);
    interrupt::watch("interrupted: nothing was changed".to_owned());
    let planned = if assume_lost {
        restore::plan::plan_as_if_lost(&service)
    } else {
        restore::plan::plan(&service)
    };
    // What failed since an interrupt is no answer.
    interrupt::halt();
    match planned {
        Ok(plan) => {
            say_line!("{}", plan.text);
            if plan.starts {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            words::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Tells what does not wait for the data, so that what is planned may never matter.
fn warn_of_units(search: &Search, name: &str) {
    if !search.is_of_this_machine() || !units::can_be_asked() {
        return;
    }
    match units::unguarded(&declaration::load(search), Some(name)) {
        Ok(found) => {
            for one in found {
                words::tell(&format!("warning: {one}"));
            }
        }
        Err(error) => words::tell(&format!("warning: {error}")),
    }
}
