//! `preseedctl enable NAME` and `preseedctl disable NAME`

use std::path::Path;
use std::process::{Command, ExitCode};

use declaration::value::ServiceName;
use declaration::{Search, load_service};
use report::words;

use crate::guard::Guard;
use crate::say::say_line;

/// Writes the service's drop-ins, and lets systemd read them.
pub(crate) fn enable(name: &str) -> ExitCode {
    let search = Search::from_env();
    let service = match load_service(&search, name) {
        Ok(service) => service,
        Err(problems) => {
            for problem in problems {
                words::tell(&problem.to_string());
            }
            return ExitCode::FAILURE;
        }
    };
    let guard = Guard::new(&service.name, |path| search.on_disk(path).into_owned());
    let nothing = "every drop-in is as it should be";
    finish(&search, guard.apply(&service.units), nothing)
}

/// Removes the service's drop-ins, and lets systemd forget them.
pub(crate) fn disable(name: &str) -> ExitCode {
    let search = Search::from_env();
    let name = match name.parse::<ServiceName>() {
        Ok(name) => name,
        Err(invalid) => {
            words::tell(&invalid.to_string());
            return ExitCode::FAILURE;
        }
    };
    let guard = Guard::new(&name, |path| search.on_disk(path).into_owned());
    let nothing = "there was no drop-in to remove";
    finish(&search, guard.remove_all(), nothing)
}

/// Tells what was done, and reloads systemd's units if it is this machine's that were changed.
fn finish(search: &Search, done: Result<Vec<String>, String>, nothing: &str) -> ExitCode {
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            words::tell(&error);
            return ExitCode::FAILURE;
        }
    };
    if done.is_empty() {
        say_line!("{nothing}");
    }
    for line in done {
        say_line!("{line}");
    }
    // sd_booted(3)
    if !search.is_of_this_machine() || !Path::new("/run/systemd/system").exists() {
        return ExitCode::SUCCESS;
    }
    // Also if nothing was written: an earlier run may have ended before this.
    match reload() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            words::tell(&error);
            ExitCode::FAILURE
        }
    }
}

fn reload() -> Result<(), String> {
    let help = "run `systemctl daemon-reload`: until then, systemd goes by what it has read before";
    let output = Command::new("systemctl")
        .arg("daemon-reload")
        .output()
        .map_err(|error| format!("systemctl daemon-reload: {error}: {help}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "systemctl daemon-reload: {}: {}: {help}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
