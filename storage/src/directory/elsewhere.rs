//! Whether a service's directory may be made new: not where its data stands at another place.

use std::io::ErrorKind;

use declaration::settings::Service;

use super::mark::mark_of;
use super::spot::refused;
use super::staging::Way;
use crate::mark::Stage;
use crate::{Error, MarkState, Result, memory, mountpoint, quoted, shown, way};

/// That a new and empty directory can be made, and takes the place of nothing that stands elsewhere.
pub(super) fn must_be_creatable(service: &Service, way: &Way) -> Result<()> {
    way.parent()?.must_be_safe()?;
    must_not_hold_the_data_elsewhere(service)
}

/// That the place where its data was seen last holds none of it.
fn must_not_hold_the_data_elsewhere(service: &Service) -> Result<()> {
    let path = &service.mountpoint;
    let Some(other) = memory::place(service).filter(|other| *other != path.value) else {
        return Ok(());
    };
    if way::parent_is_missing(&other) {
        return Ok(());
    }
    let own = mountpoint::owner(service).ok();
    let held = way::down(other.parent().unwrap_or(&other), own, false)?;
    let spot = held
        .last()
        .zip(other.file_name())
        .map(|(parent, leaf)| parent.entry(leaf));
    let Some(spot) = spot else {
        return Ok(());
    };
    match spot.at.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(&other, "cannot be looked at", &error)),
    }
    let MarkState::Ours(mark) = mark_of(&spot)? else {
        return Ok(());
    };
    let name = service.name.as_str();
    let is_its_own = matches!(mark.stage, Stage::Seeded | Stage::Staged)
        && mark.service.as_ref().is_none_or(|service| service == name);
    let mut entries =
        std::fs::read_dir(&spot.at).map_err(|e| refused(&other, "cannot be looked into", &e))?;
    if !is_its_own || entries.next().is_none() {
        return Ok(());
    }
    Err(Error::new(
        shown(path),
        format!(
            "it is not there, and {} holds data of the service {name}",
            shown(&other)
        ),
        format!(
            "bring it back with `mv -T {} {}`; or, if that is not wanted any more, give it up with `preseedctl forget {name}`, \
                 which leaves it where it is; then start the service again",
            quoted(&other),
            quoted(path)
        ),
    ).of_kind(crate::ErrorKind::InDoubt))
}
