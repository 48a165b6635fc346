//! The whole restore, tested in memory: no virtual machine, no container, no ZFS.

pub(crate) mod fakes;
mod promises;
