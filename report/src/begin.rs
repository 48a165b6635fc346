//! What every program but the generator begins with: messages go where they belong, root runs it, and its service is declared soundly.

use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Service;

use crate::{event, logger, root};

/// Begins `command` (its name for people), which only root can do.
///
/// # Errors
/// It cannot go on: the exit status to end with. Why was told.
pub fn begin(command: &str) -> Result<(), ExitCode> {
    begin_for_anybody();
    root::missing(command).map_or(Ok(()), Err)
}

/// Begins a command that anybody can do.
pub fn begin_for_anybody() {
    logger::init();
}

/// Begins `command` for the service of this name.
///
/// # Errors
/// As [`begin`], and where its declaration cannot be used.
pub fn begin_for(command: &str, name: &str) -> Result<Service, ExitCode> {
    begin(command)?;
    service(name)
}

/// The service of this name, as it is declared.
///
/// # Errors
/// As [`begin_for`].
pub fn service(name: &str) -> Result<Service, ExitCode> {
    let loaded = declaration::load_service(&Search::from_env(), name);
    loaded.map_err(|problems| event::refuse_declaration(name, &problems))
}
