//! What is declared of storage against what it is, as it is told.

use std::path::PathBuf;

use declaration::layer::Layer;

/// One key of a service's `[dataset]`: what is declared, and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The key, or the name of a property.
    pub key: String,
    /// What is declared.
    pub declared: String,
    /// Who says so.
    pub layer: Layer,
    /// What it is; `-`: it has no such property.
    pub actual: String,
    /// How these two are to each other.
    pub state: State,
}

/// How what is declared is to what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The same.
    Same,
    /// They differ: `apply` sets what is declared; of the service's own file, a start does as well.
    Differs,
    /// Somebody changed it since it was set: only `apply` sets it.
    ByHand,
    /// It can be chosen only when a dataset is made.
    OfCreation,
    /// Only the service's own file changes it where it is there, and something else says otherwise.
    OnlyOwn,
    /// The machine's ZFS does not know the property.
    Unknown,
}

/// A dataset below a parent of services that nothing declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its name.
    pub name: String,
    /// The bytes that it takes, with all below it.
    pub bytes: Option<u64>,
    /// Where it would be mounted.
    pub mountpoint: Option<PathBuf>,
    /// The service whose data it holds, as its mark says.
    pub service: Option<String>,
}
