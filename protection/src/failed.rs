//! What could not be done of snapshots: it is told at once, and fails the run at its end.

use declaration::settings::Service;
use report::{Event, Kind};
use storage::Error;

/// Tells an error of a service, or of one of its places; `None`: it is of all. The first one is what the run ends with.
pub(crate) fn keep_first(first: &mut Option<Error>, of: Option<&Service>, error: Error) {
    tell_failed(of, &error);
    first.get_or_insert(error);
}

/// See [`keep_first`].
pub(crate) fn tell_failed(of: Option<&Service>, error: &Error) {
    let (part, service) = of.map_or(("", ""), |part| (part.name.as_str(), part.of()));
    let event = Event::new(Kind::NoSnapshot, part, error.to_string());
    let event = event.of(service).outcome("failed");
    event.error(error.kind().code()).tell();
}
