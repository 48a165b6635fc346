//! The tables of a declaration, a file each: its keys, how they are read, merged and validated, and what they mean.
//!
//! A new key is a line in its table's `keys!`, a field of its table's settings, and the line that fills it.

pub(crate) mod backup;
pub(crate) mod dataset;
pub(crate) mod drill;
pub(crate) mod host_backup;
pub(crate) mod key;
mod outcome;
pub(crate) mod place;
pub(crate) mod preseed;
pub(crate) mod promise;
pub(crate) mod replica;
pub(crate) mod repository;
pub(crate) mod snapshot_policy;
pub(crate) mod snapshots;
pub(crate) mod storage;
pub(crate) mod top;
pub(crate) mod user;
pub(crate) mod utility;

pub use key::{KeyDoc, TableDoc};
pub use outcome::Outcome;

/// The tables of a service's file, as the documentation shows them. A template has the same, without the first.
#[must_use]
pub fn of_a_service() -> Vec<TableDoc> {
    vec![
        top::documentation(),
        user::documentation(),
        dataset::documentation(),
        preseed::documentation(),
        preseed::verify::documentation(),
        preseed::max_age::documentation(),
        snapshots::documentation(),
        backup::documentation(),
        backup::keep::documentation(),
        promise::documentation(),
        drill::documentation(),
        place::page(),
    ]
}

/// The tables of `preseed.toml`, as the documentation shows them.
#[must_use]
pub fn of_the_host() -> Vec<TableDoc> {
    vec![
        storage::documentation(),
        host_backup::documentation(),
        repository::documentation(),
        replica::documentation(),
        snapshot_policy::documentation(),
        utility::documentation(),
    ]
}
