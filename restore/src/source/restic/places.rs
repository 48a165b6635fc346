//! What of a backup belongs to other parts of the service, which are mounted below this one.

use std::path::{Path, PathBuf};

use declaration::settings::Service;

/// Where the nested places are (absolute), in a backup of the service at `root`.
pub(super) fn paths(service: &Service, root: &Path) -> Vec<String> {
    let nested = service.nested.iter().map(|place| root.join(place));
    nested
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

/// The directories that lead to nested places: what lies beside these is data.
pub(super) fn ways(service: &Service, root: &Path) -> Vec<PathBuf> {
    let nested = service.nested.iter();
    let above = nested.flat_map(|place| place.ancestors().skip(1));
    above.map(|above| root.join(above)).collect()
}

/// Whether a path below the service's directory is a nested place, or lies in one.
pub(super) fn holds(service: &Service, below: &Path) -> bool {
    let mut nested = service.nested.iter();
    nested.any(|place| below.starts_with(place))
}

/// Whether what was listed (each path, and whether it is a directory) at and below an entry of the service's directory only
/// leads to nested places.
pub(super) fn only_lead_there<'n>(
    service: &Service,
    root: &Path,
    entry: &Path,
    listed: impl IntoIterator<Item = (&'n Path, bool)>,
) -> bool {
    let leads = |path: &Path| {
        let mut nested = service.nested.iter();
        nested.any(|place| root.join(place).starts_with(path))
    };
    let is_of_a_place = |path: &Path| {
        let below = path.strip_prefix(root);
        below.is_ok_and(|below| holds(service, below))
    };
    let mut listed = listed.into_iter();
    leads(entry)
        && listed.all(|(path, is_directory)| {
            !path.starts_with(entry) || is_of_a_place(path) || is_directory && leads(path)
        })
}
