//! preseed as it is built from this tree and put on a machine, and what this machine needs for that.

pub mod binaries;
pub mod install;
pub mod packages;
