//! Makes one service's storage be what is declared.

use declaration::settings::Service;
use report::status;
use storage::{Applied, Result, lock};

/// Makes the service's storage what is declared, and gives what was done for it.
/// Waits while another process is at work on it.
///
/// # Errors
/// When it cannot be made so; see [`storage::Storage::apply`].
pub fn apply(service: &Service) -> Result<Applied> {
    let _lock = lock::lock(service, status::wait_for_another)?;
    storage::open(service).apply()
}
