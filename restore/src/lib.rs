//! Restores one service's data if, and only if, it is missing.
//!
//! ```text
//! observe -> verdict -> search the sources in order -> stage -> verify -> swap in -> mark
//! ```
//! [`run::run`] does it; [`plan::plan`] is the same code up to the first change.

mod ending;
pub mod health;
pub mod interrupt;
pub mod order;
pub mod plan;
pub mod remember;
pub mod run;
pub mod sealed;
pub mod search;
pub mod slots;
pub mod source;
pub mod staged;
pub mod verdict;
pub mod verify;
