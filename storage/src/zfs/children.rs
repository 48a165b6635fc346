//! Child datasets that are not mounted: what is expected may lie in one, and the empty directory that it would be mounted on
//! is not it.

use std::path::Path;

use super::call;
use super::dataset::Zfs;
use super::properties::{self, Properties};
use crate::{Contents, Error, ErrorKind, Result, shown};

/// That what is taken for the data is not the bare mountpoint of a child of the dataset, which has these properties and these
/// contents.
///
/// # Errors
/// When it may be, with what to do, or when that cannot be told.
pub(super) fn must_not_pass_for_data(
    zfs: &Zfs<'_>,
    found: &Properties,
    contents: &Contents,
) -> Result<()> {
    if found.child().is_none() {
        return Ok(());
    }
    // The last is one that nobody can set.
    let asked = ["canmount", "mountpoint", "mounted"];
    let which = ["-r", "-t", "filesystem"];
    let told = properties::table(&which, &asked, &[zfs.name()], |name| name != zfs.name())?;
    let mut bare = Vec::new();
    for (child, properties) in &told {
        let value = |property| properties.get(property).map(|told| told.value.as_str());
        let place = value("mountpoint")
            .and_then(|place| Path::new(place).strip_prefix(&*zfs.service.mountpoint).ok())
            .filter(|place| *place != Path::new(""));
        // One with canmount=off holds nothing.
        let is_unmounted = value("mounted") == Some("no") && value("canmount") != Some("off");
        if let Some(place) = place.filter(|_| is_unmounted && child != zfs.name()) {
            bare.push((child, place));
        }
    }
    let expect = &zfs.service.expect;
    let holds_what_is_expected =
        |place: &Path| expect.iter().any(|expected| expected.starts_with(place));
    let lies_in_one = bare.iter().find(|(_, place)| holds_what_is_expected(place));
    // Where nothing is expected, anything is data; but not those alone.
    let is_all = || {
        let tops = bare.iter().filter_map(|(_, place)| place.iter().next());
        let tops = Contents::names(tops);
        expect.is_empty()
            && !contents.is_empty()
            && contents.entries.iter().all(|entry| tops.contains(entry))
    };
    let in_doubt = lies_in_one.or_else(|| bare.first().filter(|_| is_all()));
    let Some((child, place)) = in_doubt else {
        return Ok(());
    };
    let key = call::zfs(&["get", "-H", "-o", "value", "keystatus", child])?;
    let load = if key.trim_end() == "unavailable" {
        format!("`zfs load-key {child}` and ")
    } else {
        String::new()
    };
    Err(Error::new(
        child.as_str(),
        format!(
            "it is not mounted, so what the service expects at {} is not seen",
            shown(&zfs.service.mountpoint.join(place))
        ),
        format!(
            "{load}`zfs mount {child}`, or leave its directory out of `expect` if the service can do without, \
             then start the service again"
        ),
    ).of_kind(ErrorKind::NotMounted))
}
