//! Makes one service's user and storage be what is declared.

mod link;
mod user;

use declaration::settings::{Service, Storage};
use report::status;
use storage::{Applied, Result, as_found, lock};
use systemd::stale;

/// Makes the service's user where it is missing, and its storage what is declared: all of what is new, and of what is there what the service's own file
/// says. What was done is added to `applied`, also where it fails then.
/// Waits while another process is at work on it.
///
/// # Errors
/// When it cannot be made so; see [`storage::InPlace::apply`]. Storage is not made for a user that is not the one declared.
pub fn apply(service: &Service, applied: &mut Applied) -> Result<()> {
    let _lock = lock::lock(service, status::wait_for_another)?;
    let placed = as_found::placed(service)?;
    let placed = user::make(placed, &mut applied.changes)?;
    let kept_down = stale::kept_down_at(service, &placed.mountpoint);
    storage::open(&placed).apply(applied)?;
    // The restore holds them up from here on.
    stale::start(&kept_down);
    if let Storage::Zfs(_) = placed.storage
        && !placed.mountpoint.is_own()
    {
        link::lead_to_mountpoint(&placed)?;
    }
    Ok(())
}
