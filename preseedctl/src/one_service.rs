//! The one service that a command is about.

use declaration::Search;
use declaration::settings::Service;
use report::words;

/// The service of this name; `None`, once it is told what is wrong with its declaration.
pub(crate) fn load(search: &Search, name: &str) -> Option<Service> {
    match declaration::load_service(search, name) {
        Ok(service) => Some(service),
        Err(problems) => {
            for problem in problems {
                words::tell(&problem.to_string());
            }
            None
        }
    }
}
