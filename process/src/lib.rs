//! Runs a program and watches it.
//!
//! [`child`] is for programs of root's: what they say and move is seen all the while, and they are given up once somebody
//! says so. For a program that is not trusted, [`confine`] takes away from a command what it must not have, and [`run`]
//! runs it to its end or its deadline and leaves nothing of it.

pub mod capabilities;
pub mod child;
mod confine;
mod family;
mod feeder;
mod group;
mod hangup;
mod io;
mod output;
mod supervisor;
mod tail;
mod watch;

pub use confine::{Identity, confine};
pub use feeder::Feeder;
pub use group::end_group;
pub use hangup::Ignored;
pub use io::{Io, io_of};
pub use output::{Activity, OutputMode, Seen};
pub use supervisor::systemd_runs_us;
pub use watch::{Ending, Watched, run};
