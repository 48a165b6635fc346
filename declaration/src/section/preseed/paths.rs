//! What a restore is limited to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::verify::Check;
use crate::given::{At, Given};
use crate::location::Location;
use crate::quote::quoted;
use crate::validation::Validation;
use crate::value::{ExpectedPath, RelativePath};

/// What is restored. It must hold what the service and its checks need: else no restore would do.
pub(super) fn paths(
    validation: &mut Validation<'_>,
    given: Given<Vec<At<RelativePath>>>,
    expect: &Given<Vec<ExpectedPath>>,
    verify: &Given<Vec<Check>>,
) -> Option<Vec<PathBuf>> {
    let paths = match given {
        Given::Unreadable => return None,
        Given::No => return Some(Vec::new()),
        Given::Value(at) => at.value,
    };
    if paths.is_empty() {
        return Some(Vec::new());
    }
    // In this order, what lies in a directory follows it at once.
    let mut restored: BTreeMap<&Path, Location> = BTreeMap::new();
    for At {
        value, location, ..
    } in &paths
    {
        if restored.insert(&value.0, *location).is_some() {
            note_twice(validation, &value.0, *location);
        }
    }
    let mut directory = None;
    for (path, location) in &restored {
        match directory {
            Some(directory) if path.starts_with(directory) => {
                note_twice(validation, path, *location);
            }
            _ => directory = Some(path),
        }
    }
    for (key, path, location) in needed(expect, verify) {
        let is_restored = path
            .ancestors()
            .any(|ancestor| restored.contains_key(ancestor))
            // A directory is there as soon as something in it is.
            || restored
                .range(path..)
                .next()
                .is_some_and(|(restored, _)| restored.starts_with(path));
        if !is_restored {
            let shown = quoted(&path.to_string_lossy());
            validation.note(
                location,
                format!("`{key}` names {shown}, which `paths` leaves out"),
                "name it in both, or in none: no restore would hold it",
            );
        }
    }
    Some(paths.into_iter().map(|at| at.value.0).collect())
}

fn note_twice(validation: &mut Validation<'_>, path: &Path, location: Location) {
    let shown = quoted(&path.to_string_lossy());
    validation.note(
        location,
        format!("`paths` names {shown} twice, or what holds it"),
        "remove one of them",
    );
}

/// What a restored directory must hold: which key names it, and where.
pub(super) fn needed<'a>(
    expect: &'a Given<Vec<ExpectedPath>>,
    verify: &'a Given<Vec<Check>>,
) -> Vec<(&'static str, &'a Path, Location)> {
    let mut needed = Vec::new();
    if let Given::Value(At {
        value, location, ..
    }) = expect
    {
        let expected = value.iter();
        needed.extend(expected.map(|ExpectedPath(path)| ("expect", path.as_path(), *location)));
    }
    if let Given::Value(At {
        value, location, ..
    }) = verify
    {
        let databases = value.iter().filter_map(|check| match check {
            Check::Sqlite(path) => Some(path),
            Check::Command(_) => None,
        });
        needed.extend(databases.map(|path| ("verify", path.as_path(), *location)));
    }
    needed
}
