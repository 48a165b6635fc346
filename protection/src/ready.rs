//! Whether a service has its data, so that a snapshot or a backup of it is one of its data.

use declaration::settings::{Backup, Service};
use restore::health::is_kept_down;
use restore::verdict::{Verdict, verdict};
use storage::{Error, MarkState, Observation, Result, as_found};

use crate::look::Look;

/// That the service, as its storage is found, has its data in all its parts, and is not kept down.
///
/// # Errors
/// When not, or when it cannot be told.
pub(crate) fn must_have_its_data(service: &Service) -> Result<()> {
    lacks_its_data(service)?.map_or(Ok(()), Err)
}

/// Why the service's data, as its storage is found, is not there, or the service is kept down; `None`: it is all there.
///
/// # Errors
/// When it cannot be told: that is neither.
pub(crate) fn lacks_its_data(service: &Service) -> Result<Option<Error>> {
    lacks(
        service,
        |part| storage::open(part).observe(),
        || is_kept_down(service),
    )
}

/// The same, as a look at many services has shown.
///
/// # Errors
/// When it could not be told.
pub(crate) fn lacked_its_data(service: &Service, look: &Look) -> Result<Option<Error>> {
    lacks(
        service,
        |part| look.observation(part),
        || look.is_kept_down(service),
    )
}

fn lacks(
    service: &Service,
    observe: impl Fn(&Service) -> Result<Observation>,
    is_kept_down: impl FnOnce() -> Result<bool>,
) -> Result<Option<Error>> {
    let may_be_missing =
        |part: &Service| part.part.as_ref().is_some_and(|part| part.may_start_empty);
    for part in service.parts().filter(|part| part.is_restored()) {
        if !may_be_missing(part)
            && let Some(why) = is_not_there(part, &observe)?
        {
            return Ok(Some(why));
        }
    }
    let name = service.name.as_str();
    let kept_down = is_kept_down()?.then(|| {
        Error::new(
            name,
            "it is kept down",
            format!("see `systemctl status preseed-{name}`"),
        )
    });
    Ok(kept_down)
}

/// Why the data of a service, or of a place of one, is not there, if so.
fn is_not_there(
    part: &Service,
    observe: impl Fn(&Service) -> Result<Observation>,
) -> Result<Option<Error>> {
    let name = part.name.as_str();
    let unit = part.units.first().map_or(name, |unit| unit.as_str());
    let start = format!(
        "start it with `systemctl start {unit}`, which finds its data or says what is wrong"
    );
    let part = as_found::placed(part)?;
    let observation = observe(&part)?;
    let why = match &observation.mark {
        MarkState::Ours(mark) if mark.is_seeded() => match verdict(&observation, part.on_partial) {
            Verdict::Present => None,
            Verdict::Unmounted => Some("its storage is not mounted"),
            Verdict::Partly => Some("its data is only partly there"),
            _ if observation.contents.is_empty() => {
                Some("there is nothing to back up: its directory is empty")
            }
            _ => Some("its data is not there"),
        },
        MarkState::Ours(_) => Some("a restore of it was interrupted"),
        MarkState::None | MarkState::Foreign(_) => {
            Some("nothing says that what lies there is its data: it was never started with preseed")
        }
    };
    Ok(why.map(|why| Error::new(name, why, start)))
}

/// That a restore would look for the backup where it is filed.
///
/// # Errors
/// When it would not.
pub(crate) fn must_be_found_again(service: &Service, backup: &Backup) -> Result<()> {
    if *backup.path == *service.mountpoint {
        return Ok(());
    }
    Err(Error::new(
        service.source.to_string_lossy(),
        format!(
            "a backup is made of {}, and `path` says that a restore looks for {}",
            service.mountpoint.display(),
            backup.path.display()
        ),
        "remove `path` from [backup], or `schedule` if somebody else makes the backups",
    ))
}
