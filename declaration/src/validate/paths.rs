//! What a restore is limited to.

use std::collections::BTreeMap;
use std::mem::take;
use std::path::{Path, PathBuf};

use super::Validation;
use crate::document::{At, Given};
use crate::fragment::Fragment;
use crate::place::Place;
use crate::quote::quoted;
use crate::settings::Check;
use crate::value::ExpectedPath;

impl Validation<'_> {
    /// What is restored. It must hold what the service and its checks need: else no restore would do.
    pub(super) fn paths(&mut self, merged: &mut Fragment) -> Option<Vec<PathBuf>> {
        let paths = match take(&mut merged.paths) {
            Given::Unreadable => return None,
            Given::No => return Some(Vec::new()),
            Given::Value(at) => at.value,
        };
        if paths.is_empty() {
            return Some(Vec::new());
        }
        // In this order, what lies in a directory follows it at once.
        let mut restored: BTreeMap<&Path, Place> = BTreeMap::new();
        for At { value, place } in &paths {
            if restored.insert(&value.0, *place).is_some() {
                self.note_twice(&value.0, *place);
            }
        }
        let mut directory = None;
        for (path, place) in &restored {
            match directory {
                Some(directory) if path.starts_with(directory) => self.note_twice(path, *place),
                _ => directory = Some(path),
            }
        }
        for (key, path, place) in needed(merged) {
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
                self.note(
                    place,
                    format!("`{key}` names {shown}, which `paths` leaves out"),
                    "name it in both, or in none: no restore would hold it",
                );
            }
        }
        Some(paths.into_iter().map(|at| at.value.0).collect())
    }

    fn note_twice(&mut self, path: &Path, place: Place) {
        let shown = quoted(&path.to_string_lossy());
        self.note(
            place,
            format!("`paths` names {shown} twice, or what holds it"),
            "remove one of them",
        );
    }
}

/// What a restored directory must hold: which key names it, and where.
fn needed(merged: &Fragment) -> Vec<(&'static str, &Path, Place)> {
    let mut needed = Vec::new();
    if let Given::Value(At { value, place }) = &merged.expect {
        let expected = value.iter();
        needed.extend(expected.map(|ExpectedPath(path)| ("expect", path.as_path(), *place)));
    }
    if let Given::Value(At { value, place }) = &merged.verify {
        let databases = value.iter().filter_map(|check| match check {
            Check::Sqlite(path) => Some(path),
            Check::Command(_) => None,
        });
        needed.extend(databases.map(|path| ("verify", path.as_path(), *place)));
    }
    needed
}
