//! What can wait gives way: a drill that moves data while a restore waits for its slot ends what it has begun.
//!
//! It is asked here, and whatever watches a transfer ends it as if it stood still.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;
use crate::error::ErrorKind;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on, this process moves no data until [`go_on`].
pub fn ask() {
    ASKED.store(true, Ordering::SeqCst);
}

/// It may again. Gives whether it was asked to give way.
pub fn go_on() -> bool {
    ASKED.swap(false, Ordering::SeqCst)
}

/// Whether this process is to give way.
#[must_use]
pub fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// That something was ended for that.
pub(crate) fn error(subject: &str, what: &str) -> Error {
    Error::new(
        subject,
        format!("{what} was ended: a restore waits for its turn"),
        "it is begun again once none waits",
    )
    .of_kind(ErrorKind::Busy)
}
