//! What a host and its services are declared to be, validated.
//!
//! Everything here has passed every check that needs no look at the machine:
//! the generator and the helpers rely on it without checking again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::layer::Declared;
use crate::problem::Problem;
use crate::value::{
    Compression, DatasetName, Mode, Principal, Recordsize, ServiceName, TierName, UnitName,
};

/// Where `dataset-helper` leaves a link, called as the service, to where its dataset is mounted.
pub const MOUNTPOINTS: &str = "/run/preseed/mountpoint";

/// The declarations of a host, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Services whose declaration is sound, by name.
    pub services: Vec<Service>,
    /// Services that are declared but must not start, by name.
    pub broken: Vec<Broken>,
    /// Everything that is wrong, in all files, sorted by file, line and column.
    /// Each problem of a broken service is also in its [`Broken::problems`].
    pub problems: Vec<Problem>,
}

/// A declaration that could not be used. Its service fails closed.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The file's name without `.toml`. Not necessarily a valid unit name part, and not
    /// necessarily text that was UTF-8: it is converted lossily.
    pub name: String,
    /// The file that declares the service (absolute, without `PRESEED_ROOT`).
    pub source: PathBuf,
    /// The units that must not start: what the readable part of the file declares, else `NAME.service`
    /// where that is a valid unit name.
    pub units: Vec<UnitName>,
    /// Why, never empty. Of what is wrong with `preseed.toml` as a whole, the first three.
    pub problems: Vec<Problem>,
}

/// One service, complete: template, host defaults and its own file merged, then validated.
#[derive(Debug, Clone)]
pub struct Service {
    /// The service's name: the declaration's file name without `.toml`.
    pub name: ServiceName,
    /// The file that declares it (absolute, without `PRESEED_ROOT`).
    pub source: PathBuf,
    /// Where its data is kept.
    pub storage: Storage,
    /// Where its data is mounted (absolute, normalized).
    pub mountpoint: Declared<PathBuf>,
    /// Owner of the mountpoint.
    pub owner: Declared<Principal>,
    /// Group of the mountpoint.
    pub group: Declared<Principal>,
    /// Mode of the mountpoint.
    pub mode: Declared<Mode>,
    /// The units that must not start before the data is there, never empty.
    pub units: Vec<UnitName>,
    /// The tiers that may restore, in the order to ask them, no duplicates.
    /// Tiers that the storage cannot offer (`rollback` and `snapshot` of a directory) are left out.
    /// Empty only if nothing is left: a directory without a repository, which simply bootstraps.
    pub tiers: Vec<TierName>,
    /// What makes the directory the service's data: paths relative to the mountpoint. May be empty.
    pub expect: Vec<PathBuf>,
    /// How data that was restored is checked before it takes the service's place, in this order.
    pub verify: Vec<Check>,
    /// All that is restored: paths relative to the mountpoint, none of them in another. Empty: everything.
    /// They hold all of `expect` and of what `verify` reads with SQLite.
    pub paths: Vec<PathBuf>,
    /// Names of entries directly below the mountpoint that never count as data.
    pub ignore: Vec<String>,
    /// What a package makes in the directory before any data is there: paths relative to the mountpoint, each with
    /// all that is below it. Where nothing is known of what lies there, and it is no more than this, it is restored over.
    pub skeleton: Vec<PathBuf>,
    /// Which of several snapshots that hold the data is restored.
    pub prefer: Prefer,
    /// How many snapshots of one source are tried at most, from 1 to 1000.
    pub max_candidates: usize,
    /// A tier whose newest snapshot is older than this is asked last.
    pub max_age: BTreeMap<TierName, Duration>,
    /// A restore that has made no progress for this long is given up. [`Duration::MAX`]: never.
    pub stall_timeout: Duration,
    /// How long what a restore replaced is kept.
    pub keep_replaced: KeepReplaced,
    /// How many restores that move data run at once on this host, from 1 to 100; the same for every service.
    pub max_parallel_restores: usize,
    /// What to do when only some of `expect` is there.
    pub on_partial: OnPartial,
    /// What to do when no tier restored and at least one could not be asked.
    pub on_unavailable: OnUnavailable,
    /// Replicas that the snapshot tier asks, in this order. Empty unless `tiers` holds `snapshot`.
    pub replicas: Vec<Replica>,
    /// The restic repository that the restic tier asks. There if and only if `tiers` holds `restic`,
    /// or if the service declares one for its backups.
    pub backup: Option<Backup>,
}

/// Where a service's data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// A ZFS dataset.
    Zfs(Dataset),
    /// A directory of any file system, at the service's mountpoint.
    Directory,
}

/// A service's ZFS dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The dataset, e.g. `tank/services/sonarr`.
    pub name: DatasetName,
    /// The container it is created in, e.g. `tank/services`: a prefix of `name`.
    pub parent: DatasetName,
    /// Its record size.
    pub recordsize: Declared<Recordsize>,
    /// Its compression.
    pub compression: Declared<Compression>,
}

/// Where snapshots of a service's dataset are replicated to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its name in `preseed.toml`.
    pub name: String,
    /// The machine it is on; `None`: a pool of this machine.
    pub host: Option<String>,
    /// The dataset that holds the replicas there.
    pub parent: DatasetName,
    /// The service's dataset there: `parent` and the last component of the service's own dataset.
    pub dataset: DatasetName,
}

/// A service's place in a restic repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The repository.
    pub repository: Repository,
    /// The host its snapshots carry; `None`: this machine's host name.
    pub host: Option<String>,
    /// The path its snapshots carry (absolute, normalized): the mountpoint unless declared.
    pub path: Declared<PathBuf>,
    /// The tags its snapshots carry, all of them.
    pub tags: Vec<String>,
    /// Patterns that a backup leaves out.
    pub exclude: Vec<String>,
}

/// A restic repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name in `preseed.toml`. A valid credential name: ASCII letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// restic's own address of it, without any secret in it.
    pub url: String,
    /// The file that holds its password (absolute, without space or backslash).
    pub password_file: PathBuf,
    /// A file of `NAME=value` lines for the backend's own credentials (absolute, without
    /// space or backslash).
    pub environment_file: Option<PathBuf>,
}

impl Repository {
    /// Whether asking it needs the network: every address that is not a path of this machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.local_directory().is_none()
    }

    /// The directory of this machine that it is in (absolute, unless its address says otherwise); `None`: it is remote.
    #[must_use]
    pub fn local_directory(&self) -> Option<&Path> {
        if self.url.starts_with('/') {
            return Some(Path::new(&self.url));
        }
        self.url.strip_prefix("local:").map(Path::new)
    }
}

impl Service {
    /// Whether any of its tiers needs the network.
    #[must_use]
    pub fn needs_network(&self) -> bool {
        self.tiers.iter().any(|tier| match tier {
            TierName::Rollback => false,
            TierName::Snapshot => self.replicas.iter().any(|replica| replica.host.is_some()),
            TierName::Restic => self
                .backup
                .as_ref()
                .is_some_and(|backup| backup.repository.is_remote()),
        })
    }
}

/// How data that was restored is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The SQLite database at this path, relative to the mountpoint, is sound.
    Sqlite(PathBuf),
    /// This command succeeds.
    Command(CheckCommand),
}

/// A command that checks restored data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCommand {
    /// Its words, at least one. The first is the program's absolute path.
    pub words: Vec<String>,
    /// Whether it runs as root (`user = "root"`), else as the dataset's owner and group.
    pub as_root: bool,
}

/// Which of several snapshots that hold the data is restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefer {
    /// That of the first tier, in the order of `tiers` (`prefer = "order"`).
    #[default]
    Order,
    /// The newest of all tiers (`prefer = "newest"`).
    Newest,
}

/// How long what a restore replaced is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReplaced {
    /// This long (`keep-replaced = "30d"`).
    For(Duration),
    /// Until somebody removes it (`keep-replaced = "forever"`).
    Forever,
}

impl Default for KeepReplaced {
    fn default() -> Self {
        Self::For(Duration::from_secs(30 * 24 * 3600))
    }
}

/// What to do when only some of `expect` is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnPartial {
    /// Do not start the service (`on-partial = "stop"`).
    #[default]
    Stop,
    /// Restore, and keep what was there (`on-partial = "restore"`).
    Restore,
}

/// What to do when no tier restored and at least one could not be asked or failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnUnavailable {
    /// Do not start the service (`on-unavailable = "stop"`).
    #[default]
    Stop,
    /// Let it start on an empty directory, without a mark (`on-unavailable = "start-empty"`).
    StartEmpty,
}
