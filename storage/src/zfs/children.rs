//! Child datasets that are not mounted: what is expected may lie in one, and the empty directory that it would be mounted on
//! is not it.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::call;
use super::dataset::Zfs;
use super::properties::{self, Properties};
use crate::{Contents, Error, ErrorKind, Result, quoted, shown, tree};

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
    let bare = bare_places(zfs, contents)?;
    let expect = &zfs.service.expect;
    let holds_what_is_expected =
        |place: &Path| expect.iter().any(|expected| expected.starts_with(place));
    let lies_in_one = bare.iter().find(|bare| holds_what_is_expected(&bare.place));
    // Where nothing is expected, anything is data; but not those alone.
    let is_all = || {
        let tops = bare.iter().filter_map(|bare| bare.place.iter().next());
        let tops = Contents::names(tops);
        expect.is_empty()
            && !contents.is_empty()
            && contents.entries.iter().all(|entry| tops.contains(entry))
    };
    let in_doubt = lies_in_one.or_else(|| bare.first().filter(|_| is_all()));
    in_doubt.map_or(Ok(()), |bare| Err(bare.not_mounted(zfs)?))
}

/// Where a child that is not mounted would be, or may be.
struct Bare {
    child: String,
    /// Below the service's directory.
    place: PathBuf,
    /// Whether it is mounted by somebody else than ZFS, who knows its place.
    is_legacy: bool,
}

/// The places of the children that are not mounted.
fn bare_places(zfs: &Zfs<'_>, contents: &Contents) -> Result<Vec<Bare>> {
    // The last is one that nobody can set.
    let asked = ["canmount", "mountpoint", "mounted"];
    let which = ["-r", "-t", "filesystem"];
    let told = properties::table(&which, &asked, &[zfs.name()], |name| name != zfs.name())?;
    let mut bare = Vec::new();
    for (child, properties) in &told {
        let value = |property| properties.get(property).map(|told| told.value.as_str());
        // One with canmount=off holds nothing.
        let is_unmounted = value("mounted") == Some("no") && value("canmount") != Some("off");
        if !is_unmounted || child == zfs.name() {
            continue;
        }
        let place = value("mountpoint").unwrap_or_default();
        let is_legacy = place == "legacy";
        let places = if is_legacy {
            // Any empty directory may be its mountpoint.
            empty_directories(zfs, contents)
        } else {
            let place = Path::new(place).strip_prefix(&*zfs.service.mountpoint);
            let place = place.ok().filter(|place| *place != Path::new(""));
            place.map(Path::to_path_buf).into_iter().collect()
        };
        bare.extend(places.into_iter().map(|place| Bare {
            child: child.clone(),
            place,
            is_legacy,
        }));
    }
    Ok(bare)
}

impl Bare {
    /// The error that it is not mounted.
    fn not_mounted(&self, zfs: &Zfs<'_>) -> Result<Error> {
        let child = self.child.as_str();
        let key = call::zfs(&["get", "-H", "-o", "value", "keystatus", child])?;
        let load = if key.trim_end() == "unavailable" {
            format!("`zfs load-key {child}` and ")
        } else {
            String::new()
        };
        let place = zfs.service.mountpoint.join(&self.place);
        let (seen, mount) = if self.is_legacy {
            let mount = format!("mount -t zfs {child} {}", quoted(&place));
            ("may not be seen", mount)
        } else {
            ("is not seen", format!("zfs mount {child}"))
        };
        Ok(Error::new(
            child,
            format!(
                "it is not mounted, so what the service expects at {} {seen}",
                shown(&place)
            ),
            format!(
                "{load}`{mount}`, or leave its directory out of `expect` if the service can do without, \
                 then start the service again"
            ),
        )
        .of_kind(ErrorKind::NotMounted))
    }
}

/// What is expected and is an empty directory; where nothing is expected, the entries that are.
fn empty_directories(zfs: &Zfs<'_>, contents: &Contents) -> Vec<PathBuf> {
    let expect = &zfs.service.expect;
    let looked_at: Vec<PathBuf> = if expect.is_empty() {
        contents.entries.iter().map(PathBuf::from).collect()
    } else {
        expect.clone()
    };
    let Ok(root) = std::fs::File::open(&*zfs.service.mountpoint) else {
        return Vec::new();
    };
    let is_empty = |place: &PathBuf| {
        // What cannot be looked into, or lies behind a link, is no bare mountpoint.
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        openat2(&root, place, flags, Mode::empty(), resolve)
            .is_ok_and(|directory| tree::is_empty(&directory).unwrap_or(false))
    };
    looked_at.into_iter().filter(is_empty).collect()
}
