//! What the datasets of many services look like at one moment: the same few calls of `zfs` for each pool, however many there
//! are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use declaration::settings::{Dataset, Replica, Service, Storage};

use super::dataset::{Seen, Zfs};
use super::memory::pool_of;
use super::properties::{self, Properties};
use super::snapshots::snapshots_in;
use super::{call, children, half_done, left_over, mounted, pools, refusals, replica, words};
use crate::mountinfo::{self, Mount};
use crate::pools::{Fill, InPool, Pool};
use crate::surveyed::Surveyed;
use crate::{Contents, Error, Listed, MarkState, Observation, Presence, Result, Snapshot};

/// What each pool told, or why it could not be asked.
type Told<T> = BTreeMap<String, Result<BTreeMap<String, T>>>;

/// The snapshots of a dataset, newest first, and those of them that somebody holds, each with the bytes that only it keeps.
#[derive(Debug, Clone, Default)]
struct OfDataset {
    listed: Vec<Listed>,
    held: Vec<(String, u64)>,
}

/// What was told of the pools.
pub(crate) struct Survey {
    containers: Names,
    datasets: Told<Properties>,
    snapshots: Told<OfDataset>,
    mounts: Result<Vec<Mount>>,
    imported: Result<pools::Imported>,
}

impl Survey {
    /// Asks each pool of these services, and of their replicas on this machine, for which `is_asked`: all are asked how full
    /// they are.
    pub(crate) fn of(parts: &[&Service], is_asked: impl Fn(&Fill) -> bool) -> Self {
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
            Ok(pools::Imported::new())
        } else {
            pools::imported("zfs")
        };
        let is_asked = |pool: &str| match imported.as_ref().map(|known| known.get(pool)) {
            Ok(Some(Ok(fill))) => is_asked(fill),
            _ => true,
        };
        let asked = containers.only(is_asked);
        let datasets = asked.ask(|names| properties::below(names, &pools::ASKED));
        // Those that are missing would fill what `zfs` says with their names.
        snapshots.retain(|name| told(&datasets, name).is_ok_and(|told| told.contains_key(name)));
        Self {
            snapshots: snapshots.ask(listed),
            containers,
            datasets,
            mounts: mountinfo::own(),
            imported,
        }
    }

    /// How full each pool is, and what lies in those that were asked.
    pub(crate) fn pools(&self) -> Vec<Pool> {
        let all = self.containers.0.iter();
        all.map(|(name, containers)| Pool {
            name: name.clone(),
            fill: self.fill(name, containers),
            datasets: self.lying_in(name, containers),
        })
        .collect()
    }

    fn fill(&self, pool: &str, containers: &BTreeSet<String>) -> Result<Fill> {
        let imported = self.imported.as_ref().map_err(Clone::clone)?;
        let somewhere = containers.first().map_or(pool, String::as_str);
        let not_there = || Err(call::not_imported(somewhere, pool));
        imported.get(pool).cloned().unwrap_or_else(not_there)
    }

    fn lying_in(&self, pool: &str, containers: &BTreeSet<String>) -> Result<Vec<InPool>> {
        let told = match self.datasets.get(pool) {
            None => return Ok(Vec::new()),
            Some(told) => told.as_ref().map_err(Clone::clone)?,
        };
        let snapshots = match self.snapshots.get(pool) {
            None => BTreeMap::new(),
            Some(of) => of.clone()?,
        };
        let held = snapshots.into_iter().map(|(name, of)| (name, of.held));
        let containers = containers.iter().map(String::as_str).collect();
        pools::lying_below(&containers, told, &held.collect())
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
        self.is_there(zfs.name())?;
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
        if !self.is_there(dataset)? {
            return Ok(Vec::new());
        }
        let told = told(&self.snapshots, dataset)?;
        let of = told.get(dataset).cloned().unwrap_or_default();
        half_done::without(zfs, of.listed)
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

    /// Whether a dataset is there. One that is not listed is missing only if its pool is there.
    fn is_there(&self, dataset: &str) -> Result<bool> {
        let pool = pool_of(dataset);
        let listed = told(&self.datasets, dataset).map(|told| told.contains_key(dataset));
        if matches!(listed, Ok(true)) {
            return listed;
        }
        let imported = self.imported.as_ref().map_err(Clone::clone)?;
        if !imported.contains_key(pool) {
            return Err(call::not_imported(dataset, pool));
        }
        listed
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
struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    fn add(&mut self, dataset: &str) {
        let of_pool = self.0.entry(pool_of(dataset).to_owned()).or_default();
        of_pool.insert(dataset.to_owned());
    }

    /// Those in these pools.
    fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
        let wanted = self.0.iter().filter(|(pool, _)| is_wanted(pool));
        Self(
            wanted
                .map(|(pool, names)| (pool.clone(), names.clone()))
                .collect(),
        )
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
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (pool.clone(), ask(&names))
        });
        asked.collect()
    }
}

/// The snapshots of each of these datasets, newest first. Those that do not exist, and those without any, are left out.
fn listed(datasets: &[&str]) -> Result<BTreeMap<String, OfDataset>> {
    let columns = "createtxg,guid,creation,referenced,name,userrefs,used";
    let options = [
        "list", "-H", "-p", "-t", "snapshot", "-d", "1", "-o", columns,
    ];
    let args = [&options[..], datasets].concat();
    let ended = call::try_zfs(&args)?;
    if !ended.status.success() && !words::says_missing(&ended) {
        return Err(call::failed(&args, &ended));
    }
    let mut of: BTreeMap<String, OfDataset> = BTreeMap::new();
    // Two more numbers than what all listings have.
    let mut listing = String::with_capacity(ended.stdout.len());
    for line in ended.stdout.lines() {
        let mut columns = line.rsplitn(3, '\t');
        let (bytes, holds) = (columns.next(), columns.next());
        let rest = columns.next().unwrap_or(line);
        listing.extend([rest, "\n"]);
        let (dataset, bytes) = (dataset_of(rest), bytes.and_then(|bytes| bytes.parse().ok()));
        if let (Some((dataset, snapshot)), Some(bytes), true) = (dataset, bytes, holds != Some("0"))
        {
            let held = &mut of.entry(dataset.to_owned()).or_default().held;
            held.push((snapshot.to_owned(), bytes));
        }
    }
    for listed in snapshots_in(&listing, datasets.first().unwrap_or(&"zfs"))? {
        if let Some((dataset, _)) = listed.snapshot.name.split_once('@') {
            of.entry(dataset.to_owned())
                .or_default()
                .listed
                .push(listed);
        }
    }
    Ok(of)
}

/// The dataset and the whole name of the snapshot that a line ends with.
fn dataset_of(line: &str) -> Option<(&str, &str)> {
    let (_, snapshot) = line.rsplit_once('\t')?;
    Some((snapshot.split_once('@')?.0, snapshot))
}
