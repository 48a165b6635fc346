//! A machine, a storage and sources that exist only in memory, for tests: every call can fail, and at every change the
//! power can go.
//!
//! What a user relies on is shown on real ZFS (`tests/vm/`). Here, thousands of ways through a restore are gone in
//! seconds.

mod disk;
mod looks;
pub(crate) mod machine;
pub(crate) mod source;
pub(crate) mod storage;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind, set_hook, take_hook};
use std::sync::{LazyLock, Once};
use std::time::Duration;

use ::storage::{Error, Mark, Result};
use declaration::settings::Service;
use jiff::Timestamp;

use crate::source::Sample;

/// What lies in a directory: names of files, each with what it says.
pub(crate) type Files = BTreeMap<String, u32>;

/// What makes the service's data.
pub(crate) const EXPECTED: &str = "db";

/// What a package makes.
pub(crate) const SKELETON: &str = "skel";

/// All that outlives a power cut.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Disk {
    pub(crate) dataset: Option<Dataset>,
    pub(crate) staging: Option<Staging>,
    /// What restores replaced or did not use.
    pub(crate) kept: Vec<Kept>,
    /// The dataset's own snapshots, newest first.
    pub(crate) snapshots: Vec<Snap>,
    pub(crate) memory: Memory,
    pub(crate) last_guid: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dataset {
    pub(crate) guid: u64,
    /// With the guid that it was written for.
    pub(crate) mark: Option<(u64, Mark)>,
    pub(crate) files: Files,
    /// How often somebody has changed its directory.
    pub(crate) changes: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Staging {
    pub(crate) dataset: Dataset,
    /// The snapshots that come along, newest first.
    pub(crate) snapshots: Vec<Snap>,
    pub(crate) seal: Option<Sealed>,
    /// Why it was kept, if it is brought back.
    pub(crate) was_kept: Option<String>,
}

/// What a copy was sealed over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sealed {
    pub(crate) over: Option<(u64, u32)>,
    pub(crate) taken: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) guid: u64,
    pub(crate) files: Files,
    pub(crate) snapshots: Vec<Snap>,
    pub(crate) why: String,
}

/// A snapshot, of the dataset or in a source elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snap {
    pub(crate) name: String,
    pub(crate) taken: Timestamp,
    pub(crate) files: Files,
    /// What becomes of a look into it.
    pub(crate) look: How,
    /// What becomes of a restore from it.
    pub(crate) fill: How,
    /// What the declared checks say of it.
    pub(crate) check: How,
}

/// How a look, a restore or a check comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Well,
    /// By the fault of the snapshot itself.
    Damaged,
    /// By a fault that says nothing of the snapshot.
    Failed,
    /// For the moment only.
    Unavailable,
    /// Of a restore: as if well, but not all of it comes.
    Short,
}

impl How {
    /// Whether an older snapshot must not be taken instead.
    pub(crate) fn is_no_fault_of_the_snapshot(self) -> bool {
        matches!(self, Self::Failed | Self::Unavailable)
    }
}

/// What the machine remembers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Memory {
    #[default]
    Nothing,
    /// Of the dataset with this guid, whose directory had been changed so often.
    StartedEmpty(u64, u32),
    Data,
}

/// Thrown where the power goes.
pub(crate) struct PowerCut;

/// One machine.
pub(crate) struct World {
    pub(crate) disk: RefCell<Disk>,
    pub(crate) is_mounted: Cell<bool>,
    /// The number of the change at which the power goes.
    pub(crate) cut_at: Cell<Option<usize>>,
    /// The number of the call to the storage that fails.
    pub(crate) fail_at: Cell<Option<usize>>,
    changes: Cell<usize>,
    calls: Cell<usize>,
    /// What was looked into, each time.
    pub(crate) looks: RefCell<Vec<String>>,
    /// What was asked of the sources elsewhere.
    pub(crate) questions: Cell<usize>,
    /// What was told, by its outcome.
    pub(crate) told: RefCell<Vec<String>>,
    /// What somebody does to the directory while the data is looked for.
    pub(crate) writes_meanwhile: RefCell<Option<Files>>,
    /// Snapshots that are destroyed once they were listed.
    pub(crate) destroyed_meanwhile: RefCell<BTreeSet<String>>,
    pub(crate) runs: Cell<bool>,
    /// The sample that a source elsewhere gives next.
    pub(crate) sample: Cell<Option<Sample>>,
    /// How long after a drill the sources elsewhere want none.
    pub(crate) pause_between_drills: Cell<Option<Duration>>,
    /// Whether somebody has waited for the network.
    pub(crate) network_is_up: Cell<bool>,
}

/// More calls than any restore of these few snapshots makes: it does not end.
const MANY: usize = 10_000;

impl World {
    pub(crate) fn new(disk: Disk) -> Self {
        Self {
            disk: RefCell::new(disk),
            is_mounted: Cell::new(false),
            cut_at: Cell::new(None),
            fail_at: Cell::new(None),
            changes: Cell::new(0),
            calls: Cell::new(0),
            looks: RefCell::default(),
            questions: Cell::new(0),
            told: RefCell::default(),
            writes_meanwhile: RefCell::default(),
            destroyed_meanwhile: RefCell::default(),
            runs: Cell::new(false),
            pause_between_drills: Cell::new(None),
            sample: Cell::new(None),
            network_is_up: Cell::new(false),
        }
    }

    /// Changes the disk, unless the power goes first.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Disk) -> T) -> T {
        let number = self.changes.get() + 1;
        self.changes.set(number);
        if self.cut_at.get() == Some(number) {
            panic_any(PowerCut);
        }
        change(&mut self.disk.borrow_mut())
    }

    /// The storage is called; it may fail.
    pub(crate) fn called(&self, what: &str) -> Result<()> {
        let number = self.calls.get() + 1;
        self.calls.set(number);
        assert!(number < MANY, "it does not end");
        if self.fail_at.get() == Some(number) {
            return Err(Error::new("fake", format!("{what} fails"), "wait"));
        }
        Ok(())
    }

    /// A source elsewhere is asked.
    pub(crate) fn asked(&self) {
        self.questions.set(self.questions.get() + 1);
        assert!(self.questions.get() < MANY, "it does not end");
    }

    /// How many changes were made, or begun.
    pub(crate) fn changes(&self) -> usize {
        self.changes.get()
    }

    /// How often the storage was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    /// What the service has.
    pub(crate) fn files(&self) -> Files {
        let disk = self.disk.borrow();
        disk.dataset
            .as_ref()
            .map_or_else(Files::new, |dataset| dataset.files.clone())
    }
}

/// Does `work`; `None` if the power went.
pub(crate) fn until_the_power_goes<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |info| {
            if !info.payload().is::<PowerCut>() {
                told(info);
            }
        }));
    });
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(panic) if panic.is::<PowerCut>() => None,
        Err(panic) => resume_unwind(panic),
    }
}

/// The service that all this is about, as a user would declare it.
pub(crate) fn service() -> Service {
    static SERVICE: LazyLock<Service> = LazyLock::new(|| {
        let text = format!(
            "[dataset]\nmountpoint = \"/var/lib/app\"\n[preseed]\ntiers = [\"rollback\", \"snapshot\"]\n\
             expect = [\"{EXPECTED}\"]\nskeleton = [\"{SKELETON}\"]\nmax-candidates = 3\n"
        );
        declared::service("app", None, &text).unwrap()
    });
    SERVICE.clone()
}

/// A time, in seconds.
pub(crate) fn at(second: u32) -> Timestamp {
    Timestamp::from_second(second.into()).unwrap()
}
