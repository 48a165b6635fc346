//! Declarations of services and their storage: found, read, merged, validated.
//!
//! ```text
//! lookup -> fragment (as read, then merged) -> settings (as validated)
//! ```
//!
//! Each table of a file has all that belongs to its keys in a file of `section`.
//! [`load`] gives all of a host, [`load_service`] one.

mod catalog;
mod clash;
mod document;
pub mod explain;
mod fragment;
mod given;
mod host_file;
pub mod layer;
mod load;
mod location;
mod lookup;
mod named_table;
mod not_read;
pub mod origins;
pub mod parallel;
mod partial;
mod places;
pub mod problem;
mod quote;
mod regular_file;
mod report;
mod salvage;
pub mod section;
mod service;
mod service_file;
pub mod settings;
pub mod shelf;
pub mod source_files;
mod table;
pub mod trust;
mod utility;
mod validation;
pub mod value;

pub use load::{load, load_service, load_utility};
pub use lookup::{DIRECTORIES, Search};
pub use not_read::{NotRead, not_read};
pub use quote::{nearest, visible};
pub use report::REPORT;
