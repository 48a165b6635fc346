//! Declarations of services and their storage: found, read, merged, validated.
//!
//! ```text
//! lookup -> fragment (as read) -> merge (as merged) -> settings (as validated)
//! ```
pub mod problem;
pub mod settings;
pub mod value;
