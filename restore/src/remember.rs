//! What the machine remembers of services that had data: written where data is seen, asked before a service would
//! start empty.

use jiff::Timestamp;
use report::{Event, Kind};
use storage::mark::{BOOTSTRAP, Stage};
use storage::memory::Recalled;
use storage::{Error, ErrorKind, Mark, MarkState};

use crate::context::Context;
use crate::verdict::Why;

/// Remembers that the service has data. That it cannot be remembered is told, and keeps no service down.
pub fn data(context: &Context<'_>) {
    let (service, storage) = (context.service, context.storage);
    tell(context, context.machine.saw_data(service, storage));
}

/// Remembers that the service starts empty, for the first time.
pub fn started_empty(context: &Context<'_>) {
    let (service, storage) = (context.service, context.storage);
    tell(context, context.machine.started_empty(service, storage));
}

fn tell(context: &Context<'_>, remembered: Result<(), Error>) {
    let Err(error) = remembered else { return };
    let message = format!("whether it had data will not be remembered: {error}");
    let service = context.service;
    let event = Event::new(Kind::StorageChanged, service.name.as_str(), message)
        .of(service.of())
        .outcome("not-remembered")
        .error(error.kind().code());
    context.machine.tell(&event.warning());
}

/// The mark of a first start. It says what was given up before it, so that this is not asked about once more.
pub fn first_start(context: &Context<'_>) -> Mark {
    let given_up = context.machine.forgotten_at(context.service);
    let given_up = given_up.map_or_else(String::new, |at| at.to_string());
    Mark::new(Stage::Seeded, BOOTSTRAP, &given_up)
}

/// When an admin gave up what there was of the service: what is older is not looked for.
pub fn given_up(context: &Context<'_>) -> Option<Timestamp> {
    let before = match &context.observation.mark {
        MarkState::Ours(mark) if mark.by == BOOTSTRAP => mark.from.parse().ok(),
        _ => None,
    };
    before.max(context.machine.forgotten_at(context.service))
}

/// Whether the service's storage carries the mark of a first start.
fn was_bootstrapped(context: &Context<'_>) -> bool {
    matches!(
        &context.observation.mark,
        MarkState::Ours(mark) if mark.is_seeded() && mark.by == BOOTSTRAP
    )
}

fn recall(context: &Context<'_>) -> Recalled {
    context
        .machine
        .recall(context.service, context.storage, context.observation)
}

/// Whether a first start on nothing but what a package makes was interrupted after it was marked, and before it was
/// recorded: nothing was started on it yet.
pub fn is_unrecorded_first_start(context: &Context<'_>) -> bool {
    let contents = &context.observation.contents;
    was_bootstrapped(context)
        && contents.hollow
        && contents.holds_only_others()
        && recall(context) == Recalled::Nothing
}

/// Whether it was settled at a first start that the service has no data, and nothing has come of it since: its dataset
/// is the same, and provably hollow.
pub fn is_settled(context: &Context<'_>) -> bool {
    let observation = context.observation;
    was_bootstrapped(context)
        && observation.contents.is_empty()
        && context
            .machine
            .is_provably_hollow(context.service, context.storage, observation)
}

/// Whether a service that no source has data of may start empty: what is to be asked of the admin when it does.
///
/// # Errors
/// When it had data as far as is remembered, with what each source `answered`.
pub fn may_start_empty(
    context: &Context<'_>,
    why: Why,
    answered: &[String],
) -> Result<Option<String>, Error> {
    let name = context.service.name.as_str();
    let service = context.service.of();
    match recall(context) {
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
                     and start the service again; or, if its data is not wanted any more, `preseedctl forget {service}` lets it start empty"
                ),
            ).of_kind(ErrorKind::InDoubt))
        }
    }
}
