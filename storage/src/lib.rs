//! What a service's data is kept in, and everything that can be done to it.
//!
//! [`Storage`] is what a backend offers; [`open()`] gives the one a service declares.
//! Only this crate runs `zfs` and `zpool`.

mod accounts;
#[cfg(any(test, fuzzing))]
pub mod any_bytes;
pub mod as_found;
mod backend;
mod beneath;
mod binds;
mod bring_out;
pub mod command;
mod compared;
pub mod contents;
mod copy;
mod directory;
pub mod drift;
pub mod error;
pub mod extent;
pub mod frozen;
mod give_contents;
pub mod give_way;
mod held_mount;
mod holders;
pub mod interrupt;
pub mod kept;
pub mod links;
mod local_time;
pub mod lock;
pub mod mark;
pub mod memory;
mod mount_id;
mod mountinfo;
mod mountpoint;
mod namespace;
mod namespaces;
mod nested;
mod open;
pub mod policy_snapshots;
pub mod pools;
mod quoted;
pub mod replaced;
mod room;
mod seal;
pub mod set;
pub mod stall;
pub mod state_file;
pub mod step;
pub mod survey;
mod surveyed;
pub mod tree;
mod trial;
mod unmount;
pub mod uptime;
pub mod user;
mod users;
pub mod watched;
mod way;
mod writers;
pub mod written;
mod zfs;

pub use backend::{
    Applied, InPlace, Kept, LeftOver, Listed, NotRolledBack, Observation, Origin, Presence,
    Snapshot, Snapshots, Staged, Staging, Storage,
};
pub use bring_out::Outside;
pub use contents::Contents;
pub use error::{Error, ErrorKind, Result, both};
pub use give_contents::{give_contents, give_contents_in_place, recipient};
pub use local_time::local;
pub use mark::{Mark, MarkState};
pub use mountpoint::{owner, warning};
pub use open::{open, open_for_a_drill};
pub(crate) use quoted::{quoted, shown};
pub use seal::{Seal, Since};
pub use trial::Trial;
pub use zfs::replica;
