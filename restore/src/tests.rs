//! The whole restore, tested in memory: no virtual machine, no container, no ZFS.

mod fakes;
mod promises;
