//! preseed as it is built from this tree and put on a machine, and what this machine needs and keeps for that.

pub mod binaries;
pub mod cache;
pub mod install;
pub mod packages;
pub mod program;
