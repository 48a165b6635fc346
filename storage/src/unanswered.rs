//! Questions that may never be answered, as a directory service or a file server that is away answers none: each is asked in
//! a thread of its own, which nobody waits for longer than a limit.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Asks; `None`: there was no answer within `limit`.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn ask_within<T: Send + 'static>(
    limit: Duration,
    question: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (answer, answers) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        // Nobody may be waiting any more.
        let _ = answer.send(question());
    })?;
    Ok(answers.recv_timeout(limit).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Instant;

    use super::*;

    #[test]
    fn nobody_waits_for_what_is_not_answered() {
        let begun = Instant::now();
        let silent = || thread::sleep(Duration::from_mins(1));
        assert_eq!(ask_within(Duration::from_secs(1), silent).unwrap(), None);
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(ask_within(Duration::from_mins(1), || 1).unwrap(), Some(1));
    }
}
