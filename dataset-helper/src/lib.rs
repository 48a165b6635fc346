//! Makes one service's user and storage be what is declared.

mod link;
mod user;

use std::borrow::Cow;

use declaration::settings::Service;
use report::status;
use storage::{Applied, Result, lock, set};
use systemd::stale;

/// What was done for a part of a service: the service itself, or a place of it.
#[derive(Debug)]
pub struct Done {
    /// The part's name.
    pub part: String,
    /// What was done.
    pub applied: Applied,
}

/// Makes the service's user where it is missing, and the storage of all its parts what is declared, in the order of their
/// mountpoints: all of what is new, and of what is there what the service's own file says. What was done is added to
/// `done`, also where it fails then. Waits while another process is at work on it.
///
/// # Errors
/// When it cannot be made so; see [`storage::InPlace::apply`]. Storage is not made for a user that is not the one declared.
pub fn apply(service: &Service, done: &mut Vec<Done>) -> Result<()> {
    let _locks = lock::lock_all(service, status::wait_for_another)?;
    let placed = set::placed(service)?;
    let parts: Vec<&Service> = placed.iter().collect();
    for (number, part) in placed.iter().enumerate() {
        let kept_down = stale::kept_down_at(service, &part.mountpoint);
        done.push(Done {
            part: part.name.as_str().to_owned(),
            applied: Applied::default(),
        });
        if let Some(Done { applied, .. }) = done.last_mut() {
            let part = user::make(Cow::Borrowed(part), &mut applied.changes)?;
            set::make_way(&parts, number)?;
            storage::open(&part).apply(applied)?;
        }
        // The restore holds them up from here on.
        stale::start(&kept_down);
        if part.storage.is_mounted() && !part.is_placed_by_its_file(service) {
            link::lead_to_mountpoint(part)?;
        }
    }
    Ok(())
}
