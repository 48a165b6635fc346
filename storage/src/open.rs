//! The backend that a service declares.

use declaration::settings::{self, Service};

use crate::backend::Storage;
use crate::directory::Directory;
use crate::zfs::Zfs;

/// The storage that a service declares. Looks at nothing yet.
#[must_use]
pub fn open(service: &Service) -> Box<dyn Storage + '_> {
    match &service.storage {
        settings::Storage::Zfs(dataset) => Box::new(Zfs::new(service, dataset)),
        settings::Storage::Directory => Box::new(Directory::of(service)),
    }
}

/// The same, of which nothing but its staging is written to: that has a name of its own, at which no restore looks, and
/// takes no more room than a drill may. [`crate::Staging::replace`] must never be called.
#[must_use]
pub fn open_for_a_drill(service: &Service) -> Box<dyn Storage + '_> {
    match &service.storage {
        settings::Storage::Zfs(dataset) => Box::new(Zfs::for_a_drill(service, dataset)),
        settings::Storage::Directory => Box::new(Directory::for_a_drill(service)),
    }
}
