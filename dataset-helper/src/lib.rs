//! Makes one service's storage be what is declared.

use declaration::settings::Service;
use report::status;
use storage::{Applied, Result, lock};

/// Makes the service's storage what is declared. What was done is added to `applied`, also where it fails then.
/// Waits while another process is at work on it.
///
/// # Errors
/// When it cannot be made so; see [`storage::Storage::apply`].
pub fn apply(service: &Service, applied: &mut Applied) -> Result<()> {
    let _lock = lock::lock(service, status::wait_for_another)?;
    storage::open(service).apply(applied)
}
