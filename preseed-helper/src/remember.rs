//! What the machine remembers of services that had data: written where data is seen, asked before a service would
//! start empty.

use declaration::settings::Service;
use report::{Event, Kind};
use storage::memory::{self, Recalled};
use storage::{Error, Observation, Storage};

use crate::verdict::Why;

/// Remembers that the service has data. That it cannot be remembered is told, and keeps no service down.
pub fn data(service: &Service, storage: &dyn Storage) {
    tell(service, memory::saw_data(service, storage));
}

/// Remembers that the service starts empty, for the first time.
pub fn started_empty(service: &Service, storage: &dyn Storage) {
    tell(service, memory::started_empty(service, storage));
}

fn tell(service: &Service, remembered: Result<(), Error>) {
    let Err(error) = remembered else { return };
    let message = format!("whether it had data will not be remembered: {error}");
    let event = Event::new(Kind::StorageChanged, service.name.as_str(), message);
    event.outcome("not-remembered").warning().tell();
}

/// Whether a service that no source has data of may start empty: what is to be asked of the admin when it does.
///
/// # Errors
/// When it had data as far as is remembered, with what each source `answered`.
pub fn may_start_empty(
    service: &Service,
    storage: &dyn Storage,
    observation: &Observation,
    why: Why,
    answered: &[String],
) -> Result<Option<String>, Error> {
    let name = service.name.as_str();
    match memory::recall(service, storage, observation) {
        Recalled::Nothing => Ok(None),
        Recalled::Question(question) => Ok(Some(question)),
        Recalled::Data(remembered) => {
            let answers = if answered.is_empty() {
                "no source is declared that could restore it".to_owned()
            } else {
                answered.join("; ")
            };
            Err(Error::new(
                name,
                format!("{}, and {remembered}; {answers}", why.in_words()),
                format!(
                    "find out why the sources hold nothing (another host name, path or tags, a repository that lost its snapshots) \
                     and start the service again; or, if its data is not wanted any more, `preseedctl forget {name}` lets it start empty"
                ),
            ))
        }
    }
}
