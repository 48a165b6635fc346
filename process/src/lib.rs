//! Runs a program that is not trusted, and watches it: whom it runs as, how long it may take, and that nothing of it
//! is left.
//!
//! [`confine`] takes away from a command what it must not have, [`run`] runs it to its end or its deadline.

mod confine;
mod family;
mod tail;
mod watch;

pub use confine::{Identity, confine};
pub use watch::{Ending, Watched, run};
