//! What restores replaced and keep beside the storage: listed, and released when somebody says so or its time is over.

pub(crate) mod entry;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use declaration::settings::{Service, Storage};

pub use entry::{Due, Replaced};

use crate::directory::replaced as directory;
use crate::namespaces;
use crate::zfs::replaced as datasets;
use crate::{Error, Result};

/// All that was found.
#[derive(Debug, Default)]
pub struct Listing {
    /// By name.
    pub replaced: Vec<Replaced>,
    /// Where it could not be looked.
    pub errors: Vec<Error>,
}

/// Finds what restores of these services replaced, and those of others that lie beside them.
pub fn list(services: &[Service]) -> Listing {
    let mut listing = Listing::default();
    let mut containers = BTreeSet::new();
    let mut directories: BTreeSet<PathBuf> = BTreeSet::new();
    for service in services {
        match &service.storage {
            Storage::Zfs(dataset) => containers.insert(dataset.parent.as_str().to_owned()),
            Storage::Directory => {
                let parent = service.mountpoint.parent().unwrap_or(Path::new("/"));
                directories.insert(parent.to_owned())
            }
        };
    }
    let machine = match namespaces::look() {
        Ok(machine) => machine,
        Err(error) => {
            listing.errors.push(error);
            return listing;
        }
    };
    for container in &containers {
        listing.take(datasets::list(container, &machine));
    }
    for directory in &directories {
        listing.take(directory::list(directory, &machine));
    }
    listing.replaced.sort_by(|a, b| a.name.cmp(&b.name));
    listing
}

impl Listing {
    fn take(&mut self, found: Result<(Vec<Replaced>, Vec<Error>)>) {
        match found {
            Ok((replaced, errors)) => {
                self.replaced.extend(replaced);
                self.errors.extend(errors);
            }
            Err(error) => self.errors.push(error),
        }
    }
}
