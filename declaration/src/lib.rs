//! Declarations of services and their storage: found, read, merged, validated.
//!
//! ```text
//! lookup -> fragment (as read) -> merge (as merged) -> settings (as validated)
//! ```
//!
//! [`load`] gives all of a host, [`load_service`] one.

mod catalog;
mod clash;
mod declared;
mod document;
mod fragment;
mod host_file;
pub mod layer;
mod load;
mod lookup;
mod merge;
mod not_read;
mod partial;
mod place;
pub mod problem;
mod quote;
mod salvage;
pub mod settings;
pub mod share;
mod table;
pub mod trust;
mod validate;
pub mod value;

pub use load::{load, load_service};
pub use lookup::{DIRECTORIES, Search};
pub use not_read::{NotRead, not_read};
pub use quote::{nearest, visible};
