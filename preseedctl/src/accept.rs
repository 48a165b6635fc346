//! `preseedctl accept NAME`

use std::process::ExitCode;

use declaration::Search;
use protection::record;
use report::words;
use storage::{Result, local};

use crate::say::say_line;

/// Takes the service's data for good as it is, although most of what there was has vanished.
pub(crate) fn accept(name: &str) -> ExitCode {
    let service = match declaration::load_service(&Search::from_env(), name) {
        Ok(service) => service,
        Err(problems) => {
            problems
                .iter()
                .for_each(|problem| words::tell(&problem.to_string()));
            return ExitCode::FAILURE;
        }
    };
    match note(service.name.as_str()) {
        Ok(told) => {
            say_line!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            words::tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn note(name: &str) -> Result<String> {
    let mut record = record::read(name)?;
    let Some(good) = &record.good else {
        return Ok(format!(
            "{name}: there is no earlier backup that its data is compared with"
        ));
    };
    let told = format!(
        "{name}: the next backup is not compared with that of {} ({} of repository {}), which is no longer held once the next one \
         is made: `systemctl start backup-{name}`",
        local(good.taken),
        good.snapshot.get(..8).unwrap_or(&good.snapshot),
        good.repository
    );
    record.accepted = true;
    record::write(name, &record)?;
    Ok(told)
}
