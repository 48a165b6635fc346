//! Whether a service has its data, so that what restores replaced is needed no more with each day.

use std::collections::BTreeSet;

use declaration::settings::Service;
use storage::mark::Stage;
use storage::{Mark, MarkState, Result};
use systemd::show::{Units, show_if_it_runs};

use crate::verdict::{Verdict, verdict};

/// The units that look after a service's data.
const KINDS: [&str; 2] = ["dataset", "preseed"];

/// What is asked of them.
const STATE: &str = "ActiveState";

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
    let units = KINDS.map(|kind| format!("{kind}-{}.service", service.of()));
    let units = units.iter().map(String::as_str);
    Ok(!failed(&show_if_it_runs(STATE, units)?).is_empty())
}

/// The units that look after the data of any service and have failed, by name, in one question.
///
/// # Errors
/// When systemd does not tell.
pub fn failed_units() -> Result<BTreeSet<String>> {
    let patterns = KINDS.map(|kind| format!("{kind}-*.service"));
    let patterns = patterns.iter().map(String::as_str);
    Ok(failed(&show_if_it_runs(STATE, patterns)?))
}

/// Whether a service is kept down by one of these that have failed.
#[must_use]
pub fn is_kept_down_by(failed: &BTreeSet<String>, service: &Service) -> bool {
    let mut units = KINDS
        .map(|kind| format!("{kind}-{}.service", service.of()))
        .into_iter();
    units.any(|unit| failed.contains(&unit))
}

fn failed(units: &Units) -> BTreeSet<String> {
    let failed = units.iter().filter(|unit| unit.value(STATE) == "failed");
    let names = failed.flat_map(|unit| unit.words("Names").chain([unit.id()]));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_unit_that_has_failed_keeps_its_service_down_and_no_other() {
        let told = failed(&Units::parse(
            "Id=preseed-sonarr.service\nNames=preseed-sonarr.service\nActiveState=failed\n\n\
             Id=dataset-radarr.service\nNames=dataset-radarr.service\nActiveState=inactive\n",
        ));
        for (name, expected) in [("sonarr", true), ("radarr", false), ("lidarr", false)] {
            let service = declared::service(name, None, "[preseed]\n").unwrap();
            assert_eq!(is_kept_down_by(&told, &service), expected, "{name}");
        }
    }
}
