//! What a host and its services are declared to be, validated.
//!
//! Everything here has passed every check that needs no look at the machine:
//! the generator and the helpers rely on it without checking again.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;

use crate::layer::Declared;
use crate::problem::Problem;
use crate::section::dataset;
use crate::value::{DatasetName, Mode, Principal, ServiceName, TierName, UnitName};

pub use crate::section::backup::{Backup, Keep};
pub use crate::section::dataset::{Dataset, Storage};
pub use crate::section::drill::Drill;
pub use crate::section::place::Part;
pub use crate::section::preseed::{
    Check, CheckCommand, KeepReplaced, OnPartial, OnUnavailable, Prefer, Preseed, Replica,
};
pub use crate::section::promise::Promise;
pub use crate::section::repository::Repository;
pub use crate::section::snapshot_policy::Policy;
pub use crate::section::snapshots::Snapshots;
pub use crate::section::user::{Chown, User};

/// Where `dataset-helper` leaves a link, called as the service, to where its dataset is mounted.
pub const MOUNTPOINTS: &str = "/run/preseed/mountpoint";

/// The declarations of a host, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Services whose declaration is sound, by name.
    pub services: Vec<Service>,
    /// Services that are declared but must not start, by name.
    pub broken: Vec<Broken>,
    /// The restic repositories whose declaration is sound, in the order of `preseed.toml`.
    pub repositories: Vec<Repository>,
    /// Datasets that belong to no service, and are sound, parents before children.
    pub utilities: Vec<Utility>,
    /// The datasets in which those of services are made unless they are named.
    pub parents: Vec<DatasetName>,
    /// Everything that is wrong, in all files, sorted by file, line and column.
    /// Each problem of a broken service is also in its [`Broken::problems`].
    pub problems: Vec<Problem>,
}

impl Host {
    /// All parts of all sound services, each as a service of its own.
    #[must_use]
    pub fn parts(&self) -> Vec<Service> {
        let parts = self.services.iter().flat_map(Service::parts);
        parts.cloned().collect()
    }
}

/// A dataset that belongs to no service: what those of services lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// Its name among those of services: `dataset-NAME.service` makes it.
    pub name: ServiceName,
    /// The file that declares it (absolute, without `PRESEED_ROOT`).
    pub source: PathBuf,
    /// The dataset.
    pub dataset: DatasetName,
    /// The properties that are declared, by name, as `zfs set` takes them.
    pub properties: BTreeMap<String, Declared<String>>,
    /// File, line and column of each.
    pub lines: BTreeMap<String, (PathBuf, usize, usize)>,
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
    /// The user that it runs as, if it is declared: it is made where it is missing.
    pub user: Option<User>,
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
    /// What its data is, and how it comes back. Its fields are the service's as well.
    pub preseed: Preseed,
    /// How many restores that move data run at once on this host, from 1 to 100; the same for every service.
    pub max_parallel_restores: usize,
    /// When snapshots of its data are taken; `None`: nothing is declared.
    pub snapshots: Option<Snapshots>,
    /// The restic repository that the restic tier asks. There if and only if `tiers` holds `restic`,
    /// or if the service declares one for its backups.
    pub backup: Option<Backup>,
    /// What is promised of it. Of a place alone nothing is: the service's holds for all of it.
    pub promise: Promise,
    /// When it is tried out whether its data can be restored. That of the service holds for its places.
    pub drill: Drill,
    /// How it belongs to a service, if it is a place of one; `None`: it is a service itself.
    pub part: Option<Part>,
    /// Its places, each as a service of its own called `<service>.<place>`, in the order of their mountpoints.
    pub places: Vec<Self>,
    /// Where other parts of the service are mounted below its mountpoint (relative to it), in that order.
    pub nested: Vec<PathBuf>,
}

impl Deref for Service {
    type Target = Preseed;

    fn deref(&self) -> &Preseed {
        &self.preseed
    }
}

impl Service {
    /// The service itself and its places, in the order of their mountpoints.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        let is_above = |place: &&Self| place.mountpoint.value < self.mountpoint.value;
        let (above, below): (Vec<_>, Vec<_>) = self.places.iter().partition(is_above);
        above.into_iter().chain(std::iter::once(self)).chain(below)
    }

    /// What its data is kept in.
    pub(crate) fn of_dataset(&self) -> dataset::Settings {
        dataset::Settings {
            storage: self.storage.clone(),
            mountpoint: self.mountpoint.clone(),
            owner: self.owner.clone(),
            group: self.group.clone(),
            mode: self.mode.clone(),
        }
    }

    /// The name of the service that it is, or is a part of.
    #[must_use]
    pub fn of(&self) -> &str {
        let part = self.part.as_ref();
        part.map_or(self.name.as_str(), |part| &part.service)
    }

    /// Whether the service's own file says where it is mounted; `service` is the one that it is, or is a part of.
    #[must_use]
    pub fn is_placed_by_its_file(&self, service: &Self) -> bool {
        let is_below = self.part.as_ref().is_some_and(|part| part.below.is_some());
        self.mountpoint.is_own() && (!is_below || service.mountpoint.is_own())
    }

    /// Whether it is restored. A cache is not: it is made empty.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.part.as_ref().is_none_or(|part| part.restores)
    }

    /// The repository that the tier `restic` of one of its parts asks.
    #[must_use]
    pub fn asked_backup(&self) -> Option<&Backup> {
        let asks = |part: &Self| part.tiers.contains(&TierName::Restic);
        self.backup.as_ref().filter(|_| self.parts().any(asks))
    }

    /// Whether a command checks what is restored of one of its parts.
    #[must_use]
    pub fn runs_a_command(&self) -> bool {
        let is_command = |check: &Check| matches!(check, Check::Command(_));
        self.parts().any(|part| part.verify.iter().any(is_command))
    }

    /// Whether any tier of one of its parts needs the network.
    #[must_use]
    pub fn needs_network(&self) -> bool {
        self.parts().any(Self::asks_the_network)
    }

    fn asks_the_network(&self) -> bool {
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
