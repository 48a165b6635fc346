//! What the datasets of many services look like at one moment: the same few calls of `zfs` for each pool, however many there
//! are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use declaration::settings::{Dataset, Replica, Service, Storage};

use super::dataset::{Seen, Zfs};
use super::memory::pool_of;
use super::properties::{self, Properties};
use super::snapshots::snapshots_in;
use super::{call, children, half_done, left_over, mounted, refusals, replica, words};
use crate::mountinfo::{self, Mount};
use crate::surveyed::Surveyed;
use crate::{Contents, Error, Listed, MarkState, Observation, Presence, Result, Snapshot};

/// What each pool told, or why it could not be asked.
type Told<T> = BTreeMap<String, Result<BTreeMap<String, T>>>;

/// What was told of the pools.
pub(crate) struct Survey {
    datasets: Told<Properties>,
    snapshots: Told<Vec<Listed>>,
    mounts: Result<Vec<Mount>>,
    imported: Result<Vec<String>>,
}

impl Survey {
    /// Asks each pool of these services, and of their replicas on this machine.
    pub(crate) fn of(parts: &[&Service]) -> Self {
        let mut containers = Names::default();
        let mut snapshots = Names::default();
        for part in parts {
            let Storage::Zfs(dataset) = &part.storage else {
                continue;
            };
            containers.add(dataset.parent.as_str());
            snapshots.add(dataset.name.as_str());
            for replica in replicas_here(part) {
                containers.add(replica.parent.as_str());
                snapshots.add(replica.dataset.as_str());
            }
        }
        let imported = if snapshots.0.is_empty() {
            Ok(Vec::new())
        } else {
            call::pools("zfs")
        };
        let datasets = containers.ask(properties::below);
        // Those that are missing would fill what `zfs` says with their names.
        snapshots.retain(|name| told(&datasets, name).is_ok_and(|told| told.contains_key(name)));
        Self {
            snapshots: snapshots.ask(listed),
            datasets,
            mounts: mountinfo::own(),
            imported,
        }
    }

    /// What was told of one service.
    pub(crate) fn look(&self, service: &Service, dataset: &Dataset) -> Surveyed {
        let zfs = Zfs::new(service, dataset);
        let seen = self.seen(&zfs);
        let (observation, place) = match seen.and_then(|seen| self.observe(&zfs, &seen)) {
            Ok((observation, place)) => (Ok(observation), place),
            Err(error) => (Err(error), None),
        };
        let replicas = replicas_here(service)
            .map(|replica| (replica.name.clone(), self.replica(&zfs, replica)));
        Surveyed {
            observation,
            place: place.unwrap_or_else(|| service.mountpoint.value.clone()),
            snapshots: self.snapshots_of(&zfs, zfs.name()),
            replicas: replicas.collect(),
        }
    }

    /// What the listing showed, which later steps do not ask for once more.
    fn seen(&self, zfs: &Zfs<'_>) -> Result<Seen> {
        self.pool_must_be_there(zfs.name())?;
        let told = told(&self.datasets, zfs.name())?;
        let seen = Seen {
            dataset: told.get(zfs.name()).cloned(),
            staging: told.get(&zfs.staging_name()).cloned(),
            // No listing of what lies beside it tells.
            is_receiving: false,
        };
        zfs.seen.replace(Some(seen.clone()));
        Ok(seen)
    }

    fn observe(&self, zfs: &Zfs<'_>, seen: &Seen) -> Result<(Observation, Option<PathBuf>)> {
        let left_over = left_over::left_over(seen.staging.as_ref());
        let Some(found) = &seen.dataset else {
            let missing = Observation {
                presence: Presence::Missing,
                mark: MarkState::None,
                contents: Contents::default(),
                left_over,
            };
            return Ok((missing, None));
        };
        refusals::must_be_usable(found)?;
        let place = self.place(zfs, found)?;
        let (presence, contents) = match &place {
            Some(place) => (Presence::Mounted, Contents::of(place, zfs.service)?),
            None => (Presence::Unmounted, Contents::default()),
        };
        if place.is_some() {
            children::must_not_pass_for_data(zfs, found, &contents)?;
        }
        let observation = Observation {
            presence,
            mark: found.mark(),
            contents,
            left_over,
        };
        Ok((observation, place))
    }

    /// Where it is mounted: as declared or, where a line of the service's own does not say that, as it is.
    fn place(&self, zfs: &Zfs<'_>, found: &Properties) -> Result<Option<PathBuf>> {
        let mounts = self.mounts.as_ref().map_err(Clone::clone)?;
        let declared = mounted::is_among(zfs, mounts);
        if matches!(declared, Ok(true)) {
            return Ok(Some(zfs.service.mountpoint.value.clone()));
        }
        let own = found.value("mountpoint").map(Path::new);
        let own = own.filter(|place| place.is_absolute() && !zfs.service.mountpoint.is_own());
        let is_there = |place: &&Path| {
            let mounted = mountinfo::uppermost(mounts, place);
            mounted.is_some_and(|mount| {
                mount.is_of_dataset(zfs.name()) && mount.root == Path::new("/")
            })
        };
        match own.filter(is_there) {
            Some(place) => Ok(Some(place.to_owned())),
            None => declared.map(|_| None),
        }
    }

    /// The snapshots of a service's dataset or of a replica of it, newest first, without those that are no candidates.
    fn snapshots_of(&self, zfs: &Zfs<'_>, dataset: &str) -> Result<Vec<Snapshot>> {
        self.pool_must_be_there(dataset)?;
        if !told(&self.datasets, dataset)?.contains_key(dataset) {
            return Ok(Vec::new());
        }
        let told = told(&self.snapshots, dataset)?;
        let listed = told.get(dataset).cloned().unwrap_or_default();
        half_done::without(zfs, listed)
    }

    /// Those of a replica. One whose parent is missing is not one that has none.
    fn replica(&self, zfs: &Zfs<'_>, replica: &Replica) -> Result<Vec<Snapshot>> {
        let snapshots = self.snapshots_of(zfs, replica.dataset.as_str())?;
        let parent = replica.parent.as_str();
        if !told(&self.datasets, parent)?.contains_key(parent) {
            return Err(replica::without_its_parent(replica));
        }
        Ok(snapshots)
    }

    fn pool_must_be_there(&self, dataset: &str) -> Result<()> {
        let imported = self.imported.as_ref().map_err(Clone::clone)?;
        call::pool_must_be_among(dataset, imported)
    }
}

/// What was told of the pool of a dataset.
fn told<'t, T>(told: &'t Told<T>, dataset: &str) -> Result<&'t BTreeMap<String, T>> {
    match told.get(pool_of(dataset)) {
        Some(Ok(told)) => Ok(told),
        Some(Err(error)) => Err(error.clone()),
        None => Err(Error::internal(dataset, "nobody asked for it")),
    }
}

fn replicas_here(service: &Service) -> impl Iterator<Item = &Replica> {
    let replicas = service.replicas.iter();
    replicas.filter(|replica| replica.host.is_none())
}

/// Names of datasets, by their pools.
#[derive(Default)]
struct Names<'n>(BTreeMap<&'n str, BTreeSet<&'n str>>);

impl<'n> Names<'n> {
    fn add(&mut self, dataset: &'n str) {
        self.0.entry(pool_of(dataset)).or_default().insert(dataset);
    }

    /// Leaves only those that are wanted.
    fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        for names in self.0.values_mut() {
            names.retain(|name| is_wanted(name));
        }
        self.0.retain(|_, names| !names.is_empty());
    }

    /// Asks each pool once: one that does not answer says nothing of the others.
    fn ask<T>(&self, ask: impl Fn(&[&str]) -> Result<BTreeMap<String, T>>) -> Told<T> {
        let asked = self.0.iter().map(|(pool, names)| {
            let names: Vec<&str> = names.iter().copied().collect();
            ((*pool).to_owned(), ask(&names))
        });
        asked.collect()
    }
}

/// The snapshots of each of these datasets, newest first. Those that do not exist, and those without any, are left out.
fn listed(datasets: &[&str]) -> Result<BTreeMap<String, Vec<Listed>>> {
    let columns = "createtxg,guid,creation,referenced,name";
    let options = [
        "list", "-H", "-p", "-t", "snapshot", "-d", "1", "-o", columns,
    ];
    let args = [&options[..], datasets].concat();
    let ended = call::try_zfs(&args)?;
    if !ended.status.success() && !words::says_missing(&ended) {
        return Err(call::failed(&args, &ended));
    }
    let mut of: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for listed in snapshots_in(&ended.stdout, datasets.first().unwrap_or(&"zfs"))? {
        if let Some((dataset, _)) = listed.snapshot.name.split_once('@') {
            of.entry(dataset.to_owned()).or_default().push(listed);
        }
    }
    Ok(of)
}
