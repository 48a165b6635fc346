//! The end of a terminal (SIGHUP), which a process that nohup(1) started does not hear of.

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};

/// That SIGHUP is ignored, kept over a change of how signals are handled: dropped, it is ignored again. What comes in
/// between is not heard of either.
#[derive(Debug)]
#[must_use]
pub struct Ignored(SigSet);

impl Ignored {
    /// Holds SIGHUP back in this thread, and in those that it starts from now on.
    pub fn hold_hangup() -> Self {
        let mut hangup = SigSet::empty();
        hangup.add(Signal::SIGHUP);
        // Should it fail, one that comes just now is heard of.
        let _ = hangup.thread_block();
        Self(hangup)
    }
}

impl Drop for Ignored {
    fn drop(&mut self) {
        // SAFETY: no handler of ours is installed that could run at any time.
        #[expect(unsafe_code, reason = "nix cannot know which handler is given")]
        let _ = unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) };
        let _ = self.0.thread_unblock();
    }
}
