//! Whether a service has its data, so that a snapshot or a backup of it is one of its data.

use declaration::settings::{Backup, Service};
use restore::health::is_kept_down;
use restore::verdict::{Verdict, verdict};
use storage::{Error, MarkState, Result};

/// That the service, as its storage is found, has its data, and is not kept down.
///
/// # Errors
/// When not, or when it cannot be told.
pub(crate) fn must_have_its_data(service: &Service) -> Result<()> {
    let name = service.name.as_str();
    let unit = service.units.first().map_or(name, |unit| unit.as_str());
    let refused = |what: &str, help: String| Err(Error::new(name, what, help));
    let observation = storage::open(service).observe()?;
    let start = format!(
        "start it with `systemctl start {unit}`, which finds its data or says what is wrong"
    );
    match &observation.mark {
        MarkState::Ours(mark) if mark.is_seeded() => {}
        MarkState::Ours(_) => return refused("a restore of it was interrupted", start),
        MarkState::None | MarkState::Foreign(_) => {
            return refused(
                "nothing says that what lies there is its data: it was never started with preseed",
                start,
            );
        }
    }
    match verdict(&observation, service.on_partial) {
        Verdict::Present => {}
        Verdict::Unmounted => return refused("its storage is not mounted", start),
        Verdict::Partly => return refused("its data is only partly there", start),
        _ if observation.contents.is_empty() => {
            return refused("there is nothing to back up: its directory is empty", start);
        }
        _ => return refused("its data is not there", start),
    }
    if is_kept_down(service) {
        return refused(
            "it is kept down",
            format!("see `systemctl status preseed-{name}`"),
        );
    }
    Ok(())
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
