//! Restores one service's data if, and only if, it is missing.
//!
//! ```text
//! observe -> verdict -> ask the sources in order -> stage -> verify -> swap in -> mark
//! ```
//! [`restore::run`] does it; [`plan::plan`] is the same code up to the first change.

pub mod ask;
mod ending;
pub mod health;
pub mod interrupt;
pub mod order;
pub mod plan;
pub mod remember;
pub mod restore;
pub mod sealed;
pub mod slots;
pub mod staged;
pub mod tier;
pub mod verdict;
pub mod verify;
