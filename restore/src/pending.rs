//! What waits until all of a set is ready, and what is told of it then.

use declaration::value::TierName;
use jiff::Timestamp;
use storage::Snapshot;

use crate::verdict::Why;

/// What is done only once all of a set is ready.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A sealed copy takes the part's place: of this run or, if there is nothing else known of it, of an earlier one.
    Swap(Option<Prepared>),
    /// The part is rolled back.
    Rollback(Prepared),
    /// The part starts for the first time.
    FirstStart(Why, Option<String>),
}

/// A snapshot that is ready to take a part's place.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) tier: TierName,
    /// As its source calls it.
    pub(crate) label: String,
    pub(crate) snapshot: Snapshot,
    pub(crate) bytes: u64,
}

/// What is told of what is put in place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Occasion {
    /// The data was missing.
    Start,
    /// An admin asked for it.
    ByHand,
    /// What a restore replaced then is brought back.
    Undo(Option<Timestamp>),
}
