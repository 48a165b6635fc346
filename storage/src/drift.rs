//! How services' storage differs from what is declared, told of all of them by one listing, and corrected on demand.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use declaration::layer::Layer;
use declaration::settings::{Host, Service, Storage, Utility};
use declaration::value::{DatasetName, Mode, Principal, ServiceName};

pub use crate::compared::{Compared, Orphan, State};
use crate::{Applied, Error, ErrorKind, Result, lock, mountinfo, mountpoint, open, set, user, zfs};

/// One service's storage, or a dataset that belongs to none.
#[derive(Debug)]
pub struct Comparison {
    /// Its name.
    pub name: String,
    /// The dataset or directory.
    pub storage: String,
    /// Each key that is declared; none if the storage is not there.
    pub keys: Vec<Compared>,
    /// Whether the storage is there.
    pub is_there: bool,
}

impl Comparison {
    /// What differs.
    pub fn differing(&self) -> impl Iterator<Item = &Compared> {
        self.keys.iter().filter(|key| key.state != State::Same)
    }

    /// Whether it is what is declared.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.is_there && self.differing().next().is_none()
    }
}

/// What one listing showed.
#[derive(Debug, Default)]
pub struct Listing {
    /// Each service and each dataset of no service by its name, and why one could not be looked at.
    pub compared: Vec<(String, Result<Comparison>)>,
    /// What nothing declares.
    pub orphans: Vec<Orphan>,
    /// The declared properties that the machine's ZFS does not know.
    pub unknown: Vec<String>,
}

/// Compares what is declared with what is, of the service or dataset `of` or of all, in one call of `zfs`. Of all, what
/// nothing declares is listed as well.
///
/// # Errors
/// When their datasets cannot be listed at all.
pub fn compare(host: &Host, of: Option<&str>) -> Result<Listing> {
    let is_it = |name: &ServiceName| of.is_none_or(|of| of == name.as_str());
    let services = host.services.iter().filter(|service| is_it(&service.name));
    let utilities = host.utilities.iter().filter(|one| is_it(&one.name));
    look(
        host,
        &services.collect::<Vec<_>>(),
        &utilities.collect::<Vec<_>>(),
        of.is_none(),
    )
}

fn look(
    host: &Host,
    services: &[&Service],
    utilities: &[&Utility],
    is_of_all: bool,
) -> Result<Listing> {
    let parents: BTreeSet<&str> = host.parents.iter().map(DatasetName::as_str).collect();
    let mut containers = BTreeSet::new();
    let mut datasets = Vec::new();
    for service in services.iter().flat_map(|service| service.parts()) {
        if let Storage::Zfs(dataset) = &service.storage {
            containers.insert(dataset.parent.as_str());
            datasets.push(dataset.into());
        }
    }
    for utility in utilities {
        containers.insert(utility.dataset.as_str());
        datasets.push((*utility).into());
    }
    if is_of_all {
        containers.extend(&parents);
    }
    let seen = zfs::compare::look(&containers, &datasets)?;
    let mounts = mountinfo::own()?;
    let of_utilities = utilities.iter().map(|utility| {
        let name = utility.name.as_str().to_owned();
        (name, one_utility(utility, &seen))
    });
    let placed: Vec<Cow<'_, Service>> = services.iter().map(|one| seen.placed(one)).collect();
    let of_services = placed.iter().flat_map(|service| service.parts());
    let of_services = of_services.map(|service| {
        let name = service.name.as_str().to_owned();
        (name, one(service, &seen, &mounts))
    });
    let compared = of_utilities.chain(of_services).collect();
    let mut orphans = Vec::new();
    if is_of_all {
        orphans = seen.orphans(&parents, &declared(host));
        orphans.retain(|orphan| !may_be_of_a_broken_one(host, orphan));
    }
    let unknown = seen.unknown().cloned().collect();
    Ok(Listing {
        compared,
        orphans,
        unknown,
    })
}

fn one_utility(utility: &Utility, seen: &zfs::compare::Seen) -> Result<Comparison> {
    let name = utility.dataset.as_str();
    let mut comparison = Comparison {
        name: utility.name.as_str().to_owned(),
        storage: name.to_owned(),
        keys: Vec::new(),
        is_there: false,
    };
    let Some(keys) = seen.compare_utility(utility) else {
        return seen.pool_must_be_there(name).map(|()| comparison);
    };
    comparison.is_there = true;
    comparison.keys = keys;
    Ok(comparison)
}

/// Whether a dataset may be that of a service whose declaration is broken, or of a place of it.
fn may_be_of_a_broken_one(host: &Host, orphan: &Orphan) -> bool {
    let (_, leaf) = orphan.name.rsplit_once('/').unwrap_or_default();
    let mut broken = host.broken.iter();
    broken.any(|broken| {
        let rest = leaf.strip_prefix(&broken.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The datasets that are declared.
fn declared(host: &Host) -> BTreeSet<&str> {
    let services = host.services.iter().flat_map(Service::parts);
    let of_services = services.filter_map(|service| match &service.storage {
        Storage::Zfs(dataset) => Some(&dataset.name),
        Storage::Directory => None,
    });
    let of_none = host.utilities.iter().map(|utility| &utility.dataset);
    let all = of_services.chain(of_none).chain(&host.parents);
    all.map(DatasetName::as_str).collect()
}

fn one(
    service: &Service,
    seen: &zfs::compare::Seen,
    mounts: &[mountinfo::Mount],
) -> Result<Comparison> {
    let mut comparison = Comparison {
        name: service.name.as_str().to_owned(),
        storage: service.mountpoint.to_string_lossy().into_owned(),
        keys: Vec::new(),
        is_there: false,
    };
    let mut place: Option<&Path> = Some(&service.mountpoint);
    if let Storage::Zfs(dataset) = &service.storage {
        let name = dataset.name.as_str();
        name.clone_into(&mut comparison.storage);
        let Some(keys) = seen.compare(service, dataset) else {
            return seen.pool_must_be_there(name).map(|()| comparison);
        };
        comparison.keys = keys;
        // Where it is seen, if it is mounted.
        let is_it = |mount: &&mountinfo::Mount| mount.is_of_dataset(name);
        place = mounts.iter().find(is_it).map(|mount| mount.point.as_path());
        for key in &mut comparison.keys {
            // /etc/fstab mounts it where it is declared.
            if key.key == "mountpoint"
                && key.actual == "legacy"
                && place == Some(&service.mountpoint)
            {
                key.state = State::Same;
            }
        }
    }
    comparison.is_there = true;
    if let Some(place) = place {
        match place.symlink_metadata() {
            Ok(found) => owned(service, &found, &mut comparison.keys),
            Err(_) if service.storage == Storage::Directory => comparison.is_there = false,
            Err(_) => {}
        }
    }
    Ok(comparison)
}

/// Owner, group and mode of its directory.
fn owned(service: &Service, found: &Metadata, keys: &mut Vec<Compared>) {
    let state = |layer, is_same| match (layer, is_same) {
        (_, true) => State::Same,
        (Layer::Service, false) => State::Differs,
        (_, false) => State::OnlyOwn,
    };
    // A user that nobody knows owns nothing.
    let ids = mountpoint::owner(service).ok();
    let mode = Mode::of_bits(found.mode());
    for (key, declared, layer, actual, is_same) in [
        (
            "owner",
            service.owner.to_string(),
            service.owner.layer,
            Principal::of_id(found.uid()).to_string(),
            ids.is_some_and(|(uid, _)| uid == found.uid()),
        ),
        (
            "group",
            service.group.to_string(),
            service.group.layer,
            Principal::of_id(found.gid()).to_string(),
            ids.is_some_and(|(_, gid)| gid == found.gid()),
        ),
        (
            "mode",
            service.mode.to_string(),
            service.mode.layer,
            mode.to_string(),
            service.mode.value == mode,
        ),
    ] {
        if layer != Layer::Default {
            keys.push(Compared {
                key: key.to_owned(),
                declared,
                layer,
                actual,
                state: state(layer, is_same),
            });
        }
    }
}

/// Makes a service's storage, and that of its places, what is declared, also where somebody changed it by hand since it was
/// set. Waits while another process is at work on it. What was done is added to `applied`, and what stays otherwise.
///
/// # Errors
/// When the storage is not there, or cannot be made so.
pub fn apply(service: &Service, waiting: impl FnMut(&str), applied: &mut Applied) -> Result<()> {
    let _locks = lock::lock_all(service, waiting)?;
    let other = match user::must_not_differ(service) {
        Err(error) if error.kind() == ErrorKind::UserDiffers => Some(error),
        Err(error) => return Err(error),
        Ok(()) => None,
    };
    let is_another = other.is_some();
    applied.differs.extend(other.map(|error| error.to_string()));
    for mut part in set::placed(service)? {
        // Nothing is given to another user than the one declared.
        if is_another {
            part = user::given_to_nobody(part);
        }
        apply_part(&part, applied)?;
    }
    Ok(())
}

fn apply_part(service: &Service, applied: &mut Applied) -> Result<()> {
    if open(service).identity()?.is_none() {
        return Err(Error::new(
            service.name.as_str(),
            "its storage is not there",
            "start the service, which makes it and restores its data",
        ));
    }
    let storage = open(service);
    // What a start would do: the place, owner and mode as well.
    let mut as_at_a_start = Applied::default();
    let done = storage.apply(&mut as_at_a_start);
    applied.finished = as_at_a_start.finished;
    applied.changes.extend(as_at_a_start.changes);
    done?;
    storage.correct(applied)
}

/// Makes a dataset that belongs to no service what is declared. `also_by_hand`: also where somebody changed it by hand since
/// it was set. What was done, and what stays otherwise, is added to `applied`.
///
/// # Errors
/// When it cannot be made, or looked at.
pub fn apply_utility(utility: &Utility, also_by_hand: bool, applied: &mut Applied) -> Result<()> {
    zfs::utility::apply(utility, also_by_hand, applied)
}
