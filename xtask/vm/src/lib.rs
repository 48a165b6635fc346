//! Virtual machines with real ZFS, as a tool.

mod agent;
pub mod chaos;
mod command;
pub mod cuts;
mod emulated;
mod guest;
pub mod hostile;
mod kind;
mod machine;
mod opening;
mod payload;
mod prepared_machine;
mod quick;
mod recipe;
mod root;
mod sanoid;
pub mod scenarios;
mod shell;
mod vms;

pub use command::{Task, run};
pub use kind::{Choice, Kind, build_quick};
pub use machine::Machine;
pub use vms::Vms;
