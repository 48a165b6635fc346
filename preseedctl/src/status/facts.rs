//! What was found of one service, before anything is made of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use declaration::settings::{Prefer, Promise};
use declaration::value::TierName;
use jiff::{SignedDuration, Timestamp};
use protection::record::Record;
use restore::proof::Drills;
use restore::verdict::{Held, Verdict};
use storage::{Mark, Result, Snapshot};

/// By how much the clock of another machine may be ahead.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// How the source of a dataset's own snapshots is called.
pub(crate) const LOCAL: &str = "";

/// One service.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: String,
    /// The unit that waits for its data.
    pub(crate) unit: String,
    /// Its parts that are restored, in the order of their mountpoints.
    pub(crate) parts: Vec<Part>,
    pub(crate) promise: Promise,
    /// The tiers that would be asked, in their order.
    pub(crate) tiers: Vec<TierName>,
    pub(crate) prefer: Prefer,
    pub(crate) max_age: BTreeMap<TierName, Duration>,
    /// The unit that looks after its storage, that which restores, and that which backs up.
    pub(crate) units: [Unit; 3],
    /// The units that look after its snapshots and its repository, and those of others.
    pub(crate) shared: Vec<Unit>,
    /// Whether preseed makes the backups, and takes the snapshots.
    pub(crate) makes: Makes,
    pub(crate) drills: Result<Drills>,
    /// For how long the machine was up without its drill, if that is longer than its schedule says.
    pub(crate) late: Result<Option<Duration>>,
    /// What the machine remembers of it; `None`: nothing, or it was forgotten.
    pub(crate) remembered: Result<Option<Remembered>>,
}

/// What the machine remembers of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// It had data.
    Data,
    /// It was started empty.
    StartedEmpty,
}

/// What preseed makes itself of a service's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Makes {
    pub(crate) snapshots: bool,
    pub(crate) backups: bool,
}

/// A service's dataset or directory, or that of a place.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its name: the service's, or `SERVICE.PLACE`.
    pub(crate) name: String,
    pub(crate) place: PathBuf,
    pub(crate) may_start_empty: bool,
    /// Whether the data is there, or why that cannot be told.
    pub(crate) verdict: Result<Verdict>,
    /// What the directory lacks, in words.
    pub(crate) lacks: Option<String>,
    /// The mark that counts.
    pub(crate) mark: Option<Mark>,
    /// What is known of its snapshots; of the service itself, also of its backups.
    pub(crate) record: Result<Record>,
    /// Whether nothing newer than what has proved itself could: then nothing newer is good.
    pub(crate) is_in_doubt: bool,
    /// Where copies of it are, as far as is known.
    pub(crate) copies: Vec<Copy>,
}

/// A source and its newest copy of a part.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) tier: TierName,
    /// The name of the replica or repository; [`LOCAL`].
    pub(crate) source: String,
    /// The newest one, or why it cannot be told.
    pub(crate) newest: Result<Option<Newest>>,
    /// The newest one that has proved itself: the service's round or its backup found it good, or a drill restored it.
    pub(crate) good: Option<Snapshot>,
    /// Whether nobody asked for it, so that nothing but what was noted is known.
    pub(crate) is_unasked: bool,
}

/// The newest copy.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub(crate) snapshot: Snapshot,
    /// Whether it holds the data; `None`: nobody looked.
    pub(crate) held: Option<Result<Held>>,
    /// Whether it was noted when it was made, and not seen just now.
    pub(crate) is_noted: bool,
}

/// A unit of the service's, as systemd tells it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unit {
    pub(crate) name: String,
    /// `failed`, `activating`, …; empty if systemd does not know.
    pub(crate) state: String,
    pub(crate) status: String,
}

impl Unit {
    pub(crate) fn has_failed(&self) -> bool {
        self.state == "failed"
    }
}

impl Copy {
    /// The newest one, if one is known.
    pub(crate) fn known(&self) -> Option<&Newest> {
        self.newest.as_ref().ok()?.as_ref()
    }

    /// The name of its source, for people.
    pub(crate) fn name(&self) -> String {
        match self.tier {
            TierName::Restic => format!("repository {}", self.source),
            _ if self.is_local() => "its own pool".to_owned(),
            _ => format!("replica {}", self.source),
        }
    }

    /// The name of its source, as drills note it.
    pub(crate) fn name_in_drills(&self) -> String {
        match self.tier {
            TierName::Rollback => "rollback".to_owned(),
            _ if self.is_local() => "local snapshots".to_owned(),
            _ => self.name(),
        }
    }

    /// Whether it is one of the snapshots of the dataset itself.
    pub(crate) fn is_local(&self) -> bool {
        self.tier != TierName::Restic && self.source == LOCAL
    }

    /// That which a restore would take: the newest, unless it is known not to hold the data.
    pub(crate) fn usable(&self) -> Option<&Snapshot> {
        let newest = self.known();
        let may_hold = newest.filter(|newest| matches!(newest.held, None | Some(Ok(Held::Data))));
        may_hold
            .map(|newest| &newest.snapshot)
            .or(self.good.as_ref())
    }

    /// The newest one that is good, and not later than `until`. `in_doubt`: nothing newer than what has proved itself is.
    pub(crate) fn good(&self, in_doubt: bool, until: Timestamp) -> Option<&Snapshot> {
        let holds = |newest: &&Newest| !in_doubt && matches!(newest.held, Some(Ok(Held::Data)));
        let newest = self.known().filter(holds).map(|newest| &newest.snapshot);
        newest
            .into_iter()
            .chain(&self.good)
            .filter(|copy| copy.taken <= until)
            .max_by_key(|copy| copy.taken)
    }
}

/// Until when a copy can be of what it says: how old one of the future is nobody knows.
pub(crate) fn until(now: Timestamp) -> Timestamp {
    now.saturating_add(GRACE).unwrap_or(now)
}

impl Part {
    /// The newest good copy of it that is not later than `until`, wherever it is.
    pub(crate) fn good(&self, until: Timestamp) -> Option<&Snapshot> {
        let copies = self.copies.iter();
        // A backup was found good when it was made.
        let good = copies.filter_map(|copy| copy.good(self.is_in_doubt, until));
        good.max_by_key(|copy| copy.taken)
    }
}
