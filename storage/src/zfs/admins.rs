//! What an admin set on a dataset, beyond what is declared: what takes its place gets it as well.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::dataset::Zfs;
use super::kinds::{self, PropertyKind};
use super::properties::gone;
use super::properties::{self, Properties};
use super::{call, delegations, quotas};
use crate::{Error, Origin, Result};

/// What can be chosen only at creation, and what ZFS takes where nothing is said.
const AT_CREATION: [(&str, &str); 3] = [
    ("casesensitivity", "sensitive"),
    ("normalization", "none"),
    ("utf8only", "off"),
];

/// The properties with which what takes the place of the real dataset is made: a quota, whether it is snapshotted, ….
///
/// # Errors
/// When they cannot be told.
pub(super) fn properties(zfs: &Zfs<'_>, origin: &Origin<'_>) -> Result<Vec<(String, OsString)>> {
    let found = zfs.seen()?.dataset.ok_or_else(|| gone(zfs.name()))?;
    let is_carried = |property: &str| kinds::of(property) == PropertyKind::Carried;
    let mut set = properties::set_on(&found, is_carried)?;
    set.retain(|(property, value)| !kinds::is_no_limit(property, value.as_bytes()));
    if matches!(origin, Origin::Empty) {
        // A clone has them from its origin, and a stream brings them along.
        let chosen = at_creation(zfs.name())?.into_iter().zip(AT_CREATION);
        set.extend(
            chosen
                .filter(|(value, (_, default))| value != default)
                .map(|(value, (property, _))| (property.to_owned(), value.into())),
        );
    }
    Ok(set)
}

/// That a copy of `replica` would have the same rules for names as the real dataset.
///
/// # Errors
/// When it would not, or when that cannot be told.
pub(super) fn must_have_the_same_names(found: &Properties, replica: &str) -> Result<()> {
    let (here, there) = (at_creation(found.dataset())?, at_creation(replica)?);
    let differs = AT_CREATION
        .iter()
        .zip(here.iter().zip(&there))
        .find(|(_, (here, there))| here != there);
    let Some(((property, _), (here, there))) = differs else {
        return Ok(());
    };
    let dataset = found.dataset();
    Err(Error::new(
        dataset,
        format!(
            "it has {property}={here}, and {replica} has {there}: restored from there, its files would have other names"
        ),
        format!(
            "move it away with `zfs unmount {dataset}`, `zfs set canmount=noauto {dataset}` and \
             `zfs rename {dataset} {dataset}-empty` if those are right, or leave the tier `snapshot` out; \
             then start the service again"
        ),
    ))
}

/// What was chosen when a dataset was made.
fn at_creation(dataset: &str) -> Result<Vec<String>> {
    let asked = AT_CREATION.map(|(property, _)| property).join(",");
    let told = call::zfs(&["get", "-H", "-p", "-o", "value", &asked, dataset])?;
    let values: Vec<String> = told.lines().map(ToOwned::to_owned).collect();
    if values.len() == AT_CREATION.len() {
        Ok(values)
    } else {
        Err(gone(dataset))
    }
}

/// Gives the staged dataset of the real one, `found`, what only one that is filled can have, and what is no property: quotas of single users, and
/// what users may do with it.
///
/// # Errors
/// When that cannot be told or set.
pub(super) fn carry_over(zfs: &Zfs<'_>, found: &Properties, staged: &str) -> Result<()> {
    quotas::wanted(found)?.set_on(staged)?;
    delegations::carry_over(zfs.name(), staged)
}
