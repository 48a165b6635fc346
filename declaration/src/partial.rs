//! What is known of a service before it is complete.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::location::Location;
use crate::settings::Replica;
use crate::value::{DatasetName, UnitName};

/// What could be read of a service that is not complete.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    /// The file's name without `.toml`, converted lossily.
    pub(crate) name: String,
    pub(crate) source: PathBuf,
    pub(crate) mountpoint: Option<PathBuf>,
    pub(crate) dataset: Option<DatasetName>,
    pub(crate) units: Vec<UnitName>,
    pub(crate) replicas: Vec<Replica>,
    /// Units that may be meant, if `units` could not be read.
    pub(crate) salvaged: Vec<UnitName>,
}

/// Where a service's file declares what it claims for itself alone.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    pub(crate) mountpoint: Location,
    pub(crate) dataset: Location,
    pub(crate) units: Vec<Location>,
    pub(crate) replicas: Location,
    /// Of the user's number, and of its group's.
    pub(crate) numbers: [Location; 2],
    /// Of each place, by its name: of its mountpoint, and of its dataset.
    pub(crate) places: BTreeMap<String, [Location; 2]>,
}
