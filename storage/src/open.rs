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
        settings::Storage::Directory => Box::new(Directory { service }),
    }
}
