//! `preseedctl plan NAME`

use std::process::ExitCode;

use declaration::Search;
use report::{logger, words};
use restore::interrupt;

use crate::say::say_line;
use crate::units;

/// Prints what a restore would do.
pub(crate) fn plan(name: &str) -> ExitCode {
    logger::init();
    let search = Search::from_env();
    let service = match declaration::load_service(&search, name) {
        Ok(service) => service,
        Err(problems) => {
            for problem in problems {
                words::tell(&problem.to_string());
            }
            return ExitCode::FAILURE;
        }
    };
    warn_of_units(&search, name);
    interrupt::watch("interrupted: nothing was changed".to_owned());
    let planned = restore::plan::plan(&service);
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
