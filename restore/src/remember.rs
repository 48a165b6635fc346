//! What the machine remembers of services that had data: written where data is seen, asked before a service would
//! start empty.

use declaration::settings::Service;
use jiff::Timestamp;
use report::{Event, Kind};
use storage::mark::{BOOTSTRAP, Stage};
use storage::memory::{self, Recalled};
use storage::{Error, Mark, MarkState, Observation, Storage};

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

/// The mark of a first start. It says what was given up before it, so that this is not asked about once more.
pub fn first_start(service: &Service) -> Mark {
    let given_up = memory::forgotten_at(service).map_or_else(String::new, |at| at.to_string());
    Mark::new(Stage::Seeded, BOOTSTRAP, &given_up)
}

/// When an admin gave up what there was of the service: what is older is not looked for.
pub fn given_up(service: &Service, observation: &Observation) -> Option<Timestamp> {
    let before = match &observation.mark {
        MarkState::Ours(mark) if mark.by == BOOTSTRAP => mark.from.parse().ok(),
        _ => None,
    };
    before.max(memory::forgotten_at(service))
}

/// Whether it was settled at a first start that the service has no data, and nothing has come of it since: its dataset
/// is the same, and provably hollow.
pub fn is_settled(service: &Service, storage: &dyn Storage, observation: &Observation) -> bool {
    let was_bootstrapped = matches!(
        &observation.mark,
        MarkState::Ours(mark) if mark.stage == Stage::Seeded && mark.by == BOOTSTRAP
    );
    was_bootstrapped
        && observation.contents.is_empty()
        && memory::is_provably_hollow(service, storage, observation)
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
