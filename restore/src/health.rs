//! Whether a service has its data, so that what restores replaced is needed no more with each day.

use declaration::settings::Service;
use libsystemd::daemon::booted;
use storage::mark::Stage;
use storage::{Mark, MarkState, Result};
use systemd::show::show;

use crate::verdict::{Verdict, verdict};

/// Whether the service's data is there, came from somewhere and was verified, and its service is not kept down. Whatever
/// cannot be told is no.
#[must_use]
pub fn is_well(service: &Service) -> bool {
    let Ok(observation) = storage::open(service).observe() else {
        return false;
    };
    let MarkState::Ours(mark) = &observation.mark else {
        return false;
    };
    verdict(&observation, service.on_partial) == Verdict::Present
        && came_from_somewhere(mark)
        && !is_kept_down(service).unwrap_or(true)
}

/// Whether there was data when it was marked: of a service that started empty, what was kept may be all there is.
///
/// `Unpromoted` is left out on purpose: until a clone is promoted, what it replaced holds the snapshots that it stands on,
/// and time that passes before that is none in which it proved itself.
fn came_from_somewhere(mark: &Mark) -> bool {
    mark.stage == Stage::Seeded && mark.by != "bootstrap"
}

/// Whether one of the units that look after its data has failed.
///
/// # Errors
/// When systemd does not tell.
pub fn is_kept_down(service: &Service) -> Result<bool> {
    if !booted() {
        return Ok(false);
    }
    let units = ["dataset", "preseed"].map(|kind| format!("{kind}-{}.service", service.of()));
    let shown = show("ActiveState", units.iter().map(String::as_str))?;
    let mut shown = shown.iter();
    Ok(shown.any(|unit| unit.value("ActiveState") == "failed"))
}
