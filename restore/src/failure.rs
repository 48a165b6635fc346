//! Why a look or a restore did not succeed: whose fault it is says what may be tried next.

use storage::Error;

/// A look or a restore that did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// This snapshot cannot be used; the real storage is untouched. An older one may do.
    Snapshot(Error),
    /// The source cannot be used now: an older snapshot of it would be restored only because the newer one
    /// could not be had for the moment. Another source may do.
    Source(Error),
    /// The source is kept from restoring for the moment, e.g. by a lock: nothing was restored. Another may do.
    Unavailable(Error),
    /// The real storage could not be replaced: no other snapshot would do better.
    Storage(Error),
}

impl Failure {
    /// Whose fault an error in making a copy is. Unless the snapshot itself is damaged, an older one would fit no better,
    /// or would be taken only because the newer one could not be had for the moment.
    pub fn of(error: Error) -> Self {
        if error.blames_snapshot() {
            Self::Snapshot(error)
        } else {
            Self::Source(error)
        }
    }

    /// Whether it leaves open whose fault it is: that of a snapshot which is gone is none of the snapshot's.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Source(_) | Self::Unavailable(_))
    }

    /// What went wrong.
    pub fn error(&self) -> &Error {
        match self {
            Self::Snapshot(error)
            | Self::Source(error)
            | Self::Unavailable(error)
            | Self::Storage(error) => error,
        }
    }
}
