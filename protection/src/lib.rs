//! Keeps services' data safe, so that there is something to restore.
//!
//! ```text
//! backup:   ready -> before -> frozen -> after -> restic backup -> would a restore find it? -> record
//! maintain: forget what `keep` does not keep and nothing holds -> prune -> check a part
//! ```

mod archive;
pub mod backup;
mod commands;
mod forget;
pub mod maintain;
mod ready;
pub mod record;
pub mod repository;
mod shrink;
mod turn;
mod work;
