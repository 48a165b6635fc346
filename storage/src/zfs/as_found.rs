//! Where a service's dataset is, and how it differs from what is declared.

use std::path::{Path, PathBuf};

use declaration::settings::{Dataset, Service, Storage};

use super::dataset::Zfs;
use super::properties::Properties;
use super::{half_created, left_over, refusals};
use crate::mark::Stage;
use crate::{LeftOver, MarkState, Result, memory, mountinfo};

/// Where the dataset of a service is mounted, or would be, whatever is declared; `None`: it is mounted where declared,
/// or there is none yet, or ZFS knows of no place.
///
/// Asks nobody if it is mounted where declared.
pub(crate) fn actual(service: &Service, dataset: &Dataset) -> Result<Option<PathBuf>> {
    let is_ours = |mounted: mountinfo::Mount| {
        mounted.kind == "zfs" && mounted.source == dataset.name.as_str()
    };
    if mountinfo::at(&service.mountpoint)?.is_some_and(is_ours) {
        return Ok(None);
    }
    let zfs = Zfs::new(service, dataset);
    let seen = zfs.look()?;
    let Some(found) = &seen.dataset else {
        // The power went in the middle of a swap: what takes its place goes where the other was.
        let is_swapped = matches!(
            left_over::left_over(seen.staging.as_ref()),
            LeftOver::Complete(_)
        );
        return Ok(memory::place(service).filter(|_| is_swapped));
    };
    if matches!(found.mark(), MarkState::Ours(mark) if mark.stage == Stage::Staged) {
        return Ok(memory::place(service));
    }
    refusals::must_be_below_the_root(&zfs, Some(found))?;
    of(found)
}

/// Where a dataset that is in its place is mounted, as its properties say.
fn of(found: &Properties) -> Result<Option<PathBuf>> {
    let Some(place) = found
        .value("mountpoint")
        .filter(|place| place.starts_with('/'))
    else {
        return Ok(None);
    };
    if half_created::is_new(found)? {
        return Ok(None);
    }
    Ok(Some(Path::new(place).to_owned()))
}

/// Whether the service's storage can be seen at its mountpoint.
pub(crate) fn is_seen(service: &Service) -> Result<bool> {
    match &service.storage {
        Storage::Directory => Ok(true),
        Storage::Zfs(dataset) => Ok(mountinfo::at(&service.mountpoint)?.is_some_and(|mounted| {
            mounted.kind == "zfs" && mounted.source == dataset.name.as_str()
        })),
    }
}
