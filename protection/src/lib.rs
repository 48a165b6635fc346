//! Keeps services' data safe, so that there is something to restore.
//!
//! ```text
//! round:    Sanoid says what is due -> taken at once -> the newest proves itself and is held -> Sanoid prunes
//! proofs:   what takes checks proves itself and is held, however long that takes
//! backup:   ready -> before -> frozen -> after -> checked -> restic backup -> would a restore find it? -> record
//! maintain: forget what `keep` does not keep and nothing holds -> prune -> check a part
//! ```

pub mod admins_sanoid;
mod apart;
mod archive;
pub mod backup;
pub mod check;
mod checks;
mod commands;
mod doubt;
mod failed;
mod forget;
mod hold;
mod left;
mod look;
pub mod maintain;
pub mod proofs;
mod ready;
pub mod record;
pub mod repository;
pub mod room;
mod sanoid;
mod scripts;
mod shrink;
pub mod snapshots;
mod take;
pub mod targets;
mod turn;
mod work;
