//! What the helpers ask of the running systemd, and have it do.

pub mod calendar;
pub mod mount;
pub mod retry;
pub mod show;
pub mod stale;
mod systemctl;
pub mod timestamp;
pub mod units;

pub use systemctl::{start_at_once, systemctl};
