//! Declarations in, units out, and nothing else on the way (systemd.generator(7)).
//!
//! ```text
//! Host -> entries of each service (dataset unit, preseed unit, drop-ins, links) -> a tree:
//!         a directory of systemd's, or the text of a dry run
//! ```
//!
//! What is written is a function of the declarations alone: no child process, no network,
//! no clock, no look at the machine.
pub mod backup_unit;
mod confinement;
pub mod dataset_unit;
pub mod directory;
pub mod drill_unit;
pub mod drop_in;
pub mod dry_run;
pub mod entries;
pub mod escape;
mod helper;
pub mod kmsg;
pub mod maintenance_unit;
pub mod preseed_unit;
pub mod tree;
pub mod unit;
pub mod unit_name;
