//! Where a run stands still once it was interrupted: what fails since its programs were ended is no answer of theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on, nothing goes past [`halt`]: the process is about to end.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::SeqCst);
}

/// Waits for the end of the process if it was interrupted.
pub fn halt() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        thread::park();
    }
}
