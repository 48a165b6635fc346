//! Scenarios: the bash files below `tests/` that show what users rely on, and how they are run on machines.

pub mod facts;
mod file;
pub mod opening;
mod run;

pub use file::{Scenario, Stage, Start, find, longest_first, select};
pub use run::{Failure, Machines, Tally, able, run_each};
