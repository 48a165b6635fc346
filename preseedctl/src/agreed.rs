//! How a command ends that somebody is asked about first.

use std::process::ExitCode;

use report::words;
use restore::interrupt;
use storage::Result;

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
