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

/// The service that is meant, and the only part of it: `NAME`, or `NAME.PLACE` for one of its places. `None`, once it is told
/// what is wrong with its declaration.
pub(crate) fn load_part(search: &Search, name: &str) -> Option<(Service, Option<String>)> {
    let place = name.rsplit_once('.').and_then(|(of, _)| {
        let service = declaration::load_service(search, of).ok()?;
        let is_place = service
            .places
            .iter()
            .any(|place| place.name.as_str() == name);
        is_place.then_some(service)
    });
    match place {
        Some(service) => Some((service, Some(name.to_owned()))),
        None => Some((load(search, name)?, None)),
    }
}
