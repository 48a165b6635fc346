//! The line that `systemctl status` shows.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};

use declaration::visible;
use libsystemd::daemon::{NotifyState, notify};

use crate::words;

/// The last line that was written on the terminal.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Sets the status line (sd_notify(3), `STATUS=`); does nothing when no unit runs us.
pub fn set(text: &str) {
    let line = visible(&text.replace(['\n', '\r'], " "));
    // The line is a convenience: what happened is in the journal as well.
    let _ = notify(false, &[NotifyState::Status(line)]);
}

/// Says what is being done or waited for: as the status line and, by hand, on the terminal, where it would seem
/// that nothing happens.
pub fn say(text: &str) {
    set(text);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != text && stderr().is_terminal() {
        words::tell(text);
        text.clone_into(&mut last);
    }
}

/// Says that another run is at work on the same service, and is waited for; and whose it is.
pub fn wait_for_another(holder: &str) {
    say(&format!(
        "waiting: another run is at work on this service's storage ({holder})"
    ));
}
