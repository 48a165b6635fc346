//! The line that `systemctl status` shows.

use libsystemd::daemon::{NotifyState, notify};

/// Sets the status line (sd_notify(3), `STATUS=`); does nothing when no unit runs us.
pub fn set(text: &str) {
    let line = text.replace(['\n', '\r'], " ");
    // The line is a convenience: what happened is in the journal as well.
    let _ = notify(false, &[NotifyState::Status(line)]);
}

/// Says that another run is at work on the same service, and is waited for.
pub fn wait_for_another() {
    set("waiting: another run is at work on this service's storage");
}
