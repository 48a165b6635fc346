//! `preseedctl accept NAME`

use std::process::ExitCode;

use declaration::Search;
use protection::record::{self, Record};
use report::words;
use storage::{Result, local};

use crate::one_service;
use crate::say::say_line;

/// Takes the service's data for good as it is, although most of what there was has vanished.
pub(crate) fn accept(name: &str) -> ExitCode {
    let Some(service) = one_service::load(&Search::from_env(), name) else {
        return ExitCode::FAILURE;
    };
    let mut exit = ExitCode::SUCCESS;
    for part in service.parts().filter(|part| part.is_restored()) {
        match note(part.name.as_str()) {
            Ok(told) => say_line!("{told}"),
            Err(error) => {
                words::tell(&error.to_string());
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}

fn note(name: &str) -> Result<String> {
    let Some(since) = record::update(name, Record::accept)? else {
        return Ok(format!(
            "{name}: there is nothing earlier that its data is compared with"
        ));
    };
    Ok(format!(
        "{name}: its data is not compared with that of {} any more: the next backup and the next snapshot that hold it are taken \
         for good, and what was held until then is no longer",
        local(since)
    ))
}
