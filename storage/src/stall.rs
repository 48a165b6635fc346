//! Ends what makes no progress: a transfer may take as long as it needs, but not stand still.

use std::time::{Duration, Instant};

pub use process::{Io, end_group, io_of};

use crate::error::ErrorKind;
use crate::{Error, give_way};

/// What counts as progress, in bytes. Less is moved by a program that only keeps asking a server that is gone.
const ENOUGH: u64 = 1 << 20;

/// Watches how much something has moved.
#[derive(Debug, Clone)]
pub struct Stall {
    timeout: Duration,
    enough: u64,
    since: Instant,
    moved: u64,
}

impl Stall {
    /// It is over once less than a MiB was moved for `timeout`; [`Duration::MAX`]: never.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self::of_less(timeout, ENOUGH)
    }

    /// The same for what moves little: it is over once less than `enough` bytes were moved for `timeout`.
    #[must_use]
    pub fn of_less(timeout: Duration, enough: u64) -> Self {
        Self {
            timeout,
            enough,
            since: Instant::now(),
            moved: 0,
        }
    }

    /// `moved` bytes have been moved in all. Gives whether it has stood still for too long, or is to [give way](give_way).
    pub fn at(&mut self, moved: u64) -> bool {
        self.is_over(moved) || give_way::is_asked()
    }

    /// The same for what is at work for a moment only, and gives way to nobody: what tidies up among it.
    pub fn is_over(&mut self, moved: u64) -> bool {
        if moved >= self.moved.saturating_add(self.enough) {
            self.moved = moved;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.timeout
    }

    /// For how long nothing has moved.
    #[must_use]
    pub fn still(&self) -> Duration {
        self.since.elapsed()
    }

    /// The error that it has stood still.
    #[must_use]
    pub fn error(&self, subject: &str, what: &str) -> Error {
        if give_way::is_asked() {
            return give_way::error(subject, what);
        }
        Error::new(
            subject,
            format!(
                "{what} made no progress for {} s (stall-timeout) and was ended",
                self.timeout.as_secs()
            ),
            "see that where the data comes from answers, then start the service again",
        )
        .of_kind(ErrorKind::Timeout)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Whoever asks this process to give way asks all of it.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn only_a_mebibyte_is_progress() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stall = Stall::new(Duration::ZERO);
        assert!(stall.at(ENOUGH - 1));
        let mut stall = Stall::new(Duration::MAX);
        assert!(!stall.at(0));
        assert!(!stall.at(ENOUGH));
        assert_eq!(stall.moved, ENOUGH);
        assert!(!stall.at(2 * ENOUGH - 1));
        assert_eq!(stall.moved, ENOUGH);
    }

    #[test]
    fn what_tidies_up_goes_on_while_a_restore_waits_for_its_turn() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stall = Stall::new(Duration::MAX);
        give_way::ask();
        let (transfer, tidying) = (stall.at(0), stall.is_over(0));
        let told = stall.error("tank/app", "a copy").to_string();
        give_way::go_on();
        assert!(transfer && !tidying);
        assert!(told.contains("a restore waits for its turn"), "{told}");
        // It is no excuse to stand still.
        let mut stall = Stall::of_less(Duration::ZERO, 1);
        assert!(stall.is_over(0));
    }
}
