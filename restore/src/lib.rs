//! Restores one service's data if, and only if, it is missing.
//!
//! ```text
//! look -> verdict -> decide: search the sources in order -> bring: stage -> fill -> verify -> swap in -> mark
//! ```
//! [`decide`](decide::decide) is the one way through it. [`run::run`] acts on its steps; [`plan::plan`] tells them.

mod acting;
pub mod answer;
pub mod bring_out;
pub mod by_hand;
pub mod by_hand_set;
pub mod chosen;
pub mod context;
pub mod decide;
pub mod drill;
mod ending;
pub mod executor;
pub mod failure;
mod half;
pub mod health;
pub mod history;
pub mod interrupt;
mod lock_files;
pub mod machine;
pub mod order;
mod part;
mod pending;
pub mod plan;
pub mod points;
pub mod proof;
pub mod remember;
pub mod run;
pub mod sealed;
pub mod search;
pub mod set;
mod set_back;
pub mod slots;
pub mod source;
pub mod undo;
pub mod undo_set;
pub mod verdict;
pub mod verify;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
