//! A service as validated: defaults filled in, references resolved, every rule checked that
//! concerns one service alone.

mod paths;

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::document::{At, Given};
use crate::fragment::Fragment;
use crate::host_file::{HostFile, Shared};
use crate::layer::{Declared, Layer};
use crate::partial::{Partial, Places};
use crate::place::Place;
use crate::problem::Problem;
use crate::quote::{nearest, quoted};
use crate::settings::{
    Backup, Dataset, KeepReplaced, OnPartial, OnUnavailable, Prefer, Replica, Repository, Service,
    Storage,
};
use crate::value::{
    Backend, Compression, Count, DatasetName, EntryName, ExpectedPath, HostName, Invalid, Mode,
    Mountpoint, Pattern, Principal, RESERVED, Recordsize, RelativePath, ServiceName, SharedName,
    Tag, TierName, TimeSpan, UnitName,
};

/// The longest dataset name of a service, in bytes: ZFS allows 255, and a restore appends a suffix
/// such as `:preseed-kept-20261123T072100Z-rollback` to it.
const LONGEST_DATASET: usize = 180;

/// The last component of the dataset in which a pool remembers (`storage/src/zfs/memory.rs`).
const MEMORY: &str = "preseed:memory";

/// How long a restore may make no progress.
const STALL_TIMEOUT: TimeSpan = TimeSpan(Duration::from_secs(600));

/// Validates what `file` declares, and adds what is wrong to `problems`.
/// `name` is `None` if the file's name is no service name.
///
/// The service is complete if every value could be read; it is sound if there are no problems.
pub(crate) fn validate(
    file: &Path,
    name: Option<&ServiceName>,
    merged: Fragment,
    host: &HostFile,
    problems: &mut Vec<Problem>,
) -> (Result<Service, Partial>, Places) {
    let mut validation = Validation {
        file,
        name,
        host,
        problems,
    };
    validation.service(merged)
}

struct Validation<'a> {
    file: &'a Path,
    name: Option<&'a ServiceName>,
    host: &'a HostFile,
    problems: &'a mut Vec<Problem>,
}

/// The value that is given, or else a default that the file's beginning stands for.
fn or_else<T>(given: Given<T>, default: impl FnOnce() -> Option<T>) -> Option<At<T>> {
    match given {
        Given::Value(at) => Some(at),
        Given::Unreadable => None,
        Given::No => default().map(|value| At {
            value,
            place: Place::START,
        }),
    }
}

fn place_or_start<T>(at: Option<&At<T>>) -> Place {
    at.map_or(Place::START, |at| at.place)
}

fn or<T>(given: Given<T>, default: T) -> Option<T> {
    or_else(given, || Some(default)).map(|at| at.value)
}

fn declared<T>(value: T, layer: Layer) -> Declared<T> {
    Declared { value, layer }
}

/// A list's elements as plain text or paths; none if it is not given.
fn plain<T, U>(given: Given<Vec<T>>, into: impl Fn(T) -> U) -> Option<Vec<U>> {
    let list = or(given, Vec::new())?;
    Some(list.into_iter().map(into).collect())
}

/// The first element that is there twice.
fn duplicate<T: Eq + Hash>(list: &[At<T>]) -> Option<&At<T>> {
    if list.len() < 2 {
        return None;
    }
    let mut seen = HashSet::with_capacity(list.len());
    list.iter().find(|at| !seen.insert(&at.value))
}

impl Validation<'_> {
    fn note(&mut self, place: Place, what: impl Into<String>, help: impl Into<String>) {
        self.problems
            .push(place.problem(self.file, what.into(), help.into()));
    }

    fn ok_or_note<T>(&mut self, place: Place, result: Result<T, Invalid>) -> Option<T> {
        result
            .map_err(|invalid| self.note(place, invalid.what, invalid.help))
            .ok()
    }

    fn service(&mut self, mut merged: Fragment) -> (Result<Service, Partial>, Places) {
        let dataset = self.dataset(take(&mut merged.dataset));
        let mountpoint = self.mountpoint(take(&mut merged.mountpoint));
        let units = self.units(take(&mut merged.units));
        let incomplete = merged
            .backup
            .filter(|_| matches!(merged.repository, Given::No));
        let repository = self.repository(take(&mut merged.repository), incomplete);
        let tiers = self.tiers(take(&mut merged.tiers), matches!(repository, Given::No));
        let wants_replicas = tiers
            .as_ref()
            .is_none_or(|tiers| tiers.contains(&TierName::Snapshot));
        let places = Places {
            mountpoint: place_or_start(mountpoint.as_ref()),
            dataset: place_or_start(dataset.as_ref()),
            units: units.iter().flatten().map(|at| at.place).collect(),
            replicas: match &merged.replicas {
                Given::Value(at) => at.place,
                Given::No | Given::Unreadable => Place::START,
            },
        };
        let paths = self.paths(&mut merged);
        let replicas = take(&mut merged.replicas);
        let replicas = self.replicas(replicas, wants_replicas, dataset.as_ref());

        let partial = Partial {
            mountpoint: mountpoint.map(|at| at.value),
            dataset: dataset.map(|at| at.value),
            units: units
                .unwrap_or_default()
                .into_iter()
                .map(|at| at.value)
                .collect(),
            replicas: replicas.unwrap_or_default(),
            ..Partial::default()
        };
        // Whatever could not be read is a problem already.
        if !self.problems.is_empty() || !self.host.problems.is_empty() {
            return (Err(partial), places);
        }
        let Some(service) = self.complete(partial, merged, repository, tiers, paths) else {
            self.note(
                Place::START,
                "the declaration is not understood",
                "report this: nothing is wrong with it",
            );
            return (Err(Partial::default()), places);
        };
        (Ok(service), places)
    }

    /// The service, if every value is there.
    fn complete(
        &self,
        partial: Partial,
        merged: Fragment,
        repository: Given<Repository>,
        tiers: Option<Vec<TierName>>,
        paths: Option<Vec<PathBuf>>,
    ) -> Option<Service> {
        let root = || Some(Principal("root".to_owned()));
        let lz4 = || Some(Compression("lz4".to_owned()));
        let layers = &merged.layers;
        let mountpoint = Declared {
            value: partial.mountpoint?,
            layer: match layers.mountpoint {
                Layer::Default => self.host.mount_base_layer,
                given => given,
            },
        };
        let storage = match self.host.backend {
            Backend::Directory => Storage::Directory,
            Backend::Zfs => {
                let name = partial.dataset?;
                Storage::Zfs(Dataset {
                    parent: name.parent()?,
                    name,
                    recordsize: declared(
                        or(merged.recordsize, Recordsize(128 << 10))?,
                        layers.recordsize,
                    ),
                    compression: declared(
                        or_else(merged.compression, lz4)?.value,
                        layers.compression,
                    ),
                })
            }
        };
        let backup = match repository {
            Given::Unreadable => return None,
            Given::No => None,
            Given::Value(repository) => Some(Backup {
                repository: repository.value,
                host: or(
                    merged.host.map(|HostName(host)| Some(host)),
                    self.host.backup_host.clone(),
                )?,
                path: match merged.path {
                    Given::Unreadable => return None,
                    Given::No => declared(mountpoint.value.clone(), Layer::Default),
                    Given::Value(path) => declared(path.value.0, layers.path),
                },
                tags: plain(merged.tags, |Tag(tag)| tag)?,
                exclude: plain(merged.exclude, |Pattern(pattern)| pattern)?,
            }),
        };
        Some(Service {
            name: self.name?.clone(),
            source: self.file.to_path_buf(),
            storage,
            mountpoint,
            owner: declared(or_else(merged.owner, root)?.value, layers.owner),
            group: declared(or_else(merged.group, root)?.value, layers.group),
            mode: declared(or(merged.mode, Mode(0o750))?, layers.mode),
            units: partial.units,
            tiers: tiers?,
            expect: plain(merged.expect, |ExpectedPath(path)| path)?,
            ignore: plain(merged.ignore, |EntryName(name)| name)?,
            skeleton: plain(merged.skeleton, |RelativePath(path)| path)?,
            verify: or(merged.verify, Vec::new())?,
            paths: paths?,
            prefer: or(merged.prefer, Prefer::default())?,
            max_candidates: or(merged.max_candidates, Count(3))?.0,
            max_age: or(merged.max_age, BTreeMap::new())?,
            stall_timeout: or(merged.stall_timeout, STALL_TIMEOUT)?.0,
            keep_replaced: or(merged.keep_replaced, KeepReplaced::default())?,
            max_parallel_restores: self.host.max_parallel_restores.0,
            on_partial: or(merged.on_partial, OnPartial::default())?,
            on_unavailable: or(merged.on_unavailable, OnUnavailable::default())?,
            replicas: partial.replicas,
            backup,
        })
    }

    /// The service's dataset, for the directory backend `None`.
    fn dataset(&mut self, given: Given<DatasetName>) -> Option<At<DatasetName>> {
        if self.host.backend == Backend::Directory {
            return None;
        }
        let at = match given {
            Given::Value(at) => at,
            Given::Unreadable => return None,
            // What the host's file says is not known if it is broken.
            Given::No if !self.host.problems.is_empty() => return None,
            Given::No => {
                let child = self.host.parent.child(self.name?.as_str());
                let value = self.ok_or_note(Place::START, child)?;
                At {
                    value,
                    place: Place::START,
                }
            }
        };
        let name = at.value.as_str();
        let shown = || quoted(name);
        if !name.contains('/') {
            self.note(
                at.place,
                format!("dataset {} is a pool", shown()),
                format!(
                    "give the service a dataset in it, e.g. {name}/{}",
                    self.name.map_or("sonarr", ServiceName::as_str)
                ),
            );
        } else if name.len() > LONGEST_DATASET {
            self.note(
                at.place,
                format!("dataset name {} is {} bytes long", shown(), name.len()),
                format!("choose one of at most {LONGEST_DATASET}: a restore needs room to name what it keeps"),
            );
        } else if at.value.last() == MEMORY {
            self.note(
                at.place,
                format!(
                    "dataset {} is where preseed remembers what services had data",
                    shown()
                ),
                "choose another name",
            );
        } else if name.contains(RESERVED) {
            self.note(
                at.place,
                format!("dataset name {} holds `{RESERVED}`", shown()),
                "this marks datasets that a restore stages or keeps: choose another name",
            );
        } else if at.value.holds(&self.host.parent) && self.host.problems.is_empty() {
            self.note(
                at.place,
                format!("dataset {} holds the host's services ({})", shown(), self.host.parent),
                "give the service a dataset of its own: a restore replaces it with all that is in it",
            );
        } else {
            return Some(at);
        }
        None
    }

    fn mountpoint(&mut self, given: Given<Mountpoint>) -> Option<At<PathBuf>> {
        match given {
            Given::Value(at) => Some(At {
                value: at.value.0,
                place: at.place,
            }),
            Given::Unreadable => None,
            Given::No if !self.host.problems.is_empty() => None,
            Given::No => {
                let path = self.host.mount_base.join(self.name?.as_str());
                let mountpoint = path.to_string_lossy().parse::<Mountpoint>();
                let Mountpoint(value) = self.ok_or_note(Place::START, mountpoint)?;
                Some(At {
                    value,
                    place: Place::START,
                })
            }
        }
    }

    fn units(&mut self, given: Given<Vec<At<UnitName>>>) -> Option<Vec<At<UnitName>>> {
        let at = match given {
            Given::Value(at) => at,
            Given::Unreadable => return None,
            Given::No => {
                let unit = format!("{}.service", self.name?).parse();
                let value = self.ok_or_note(Place::START, unit)?;
                return Some(vec![At {
                    value,
                    place: Place::START,
                }]);
            }
        };
        if at.value.is_empty() {
            self.note(
                at.place,
                "`unit` is an empty list",
                "name a unit, or leave the key out for NAME.service",
            );
            return None;
        }
        if let Some(twice) = duplicate(&at.value) {
            let (place, what) = (
                twice.place,
                format!("unit {} is named twice", quoted(twice.value.as_str())),
            );
            self.note(place, what, "remove one of them");
        }
        Some(at.value)
    }

    /// The tiers that can be asked.
    fn tiers(
        &mut self,
        given: Given<Vec<At<TierName>>>,
        lacks_repository: bool,
    ) -> Option<Vec<TierName>> {
        let mut tiers = match given {
            Given::Unreadable => return None,
            Given::No => {
                let mut tiers = TierName::ALL.to_vec();
                if lacks_repository {
                    tiers.retain(|tier| *tier != TierName::Restic);
                }
                tiers
            }
            Given::Value(at) => {
                if at.value.is_empty() {
                    self.note(
                        at.place,
                        "`tiers` is an empty list",
                        "name a tier, or leave the key out for all that are possible",
                    );
                    return None;
                }
                if let Some(twice) = duplicate(&at.value) {
                    let (place, what) = (
                        twice.place,
                        format!("tier `{}` is named twice", twice.value),
                    );
                    self.note(place, what, "remove one of them");
                }
                let restic = at.value.iter().find(|tier| tier.value == TierName::Restic);
                if let Some(restic) = restic.filter(|_| lacks_repository) {
                    self.note(
                        restic.place,
                        "tier `restic` has no repository",
                        "name one as `repository` in [backup], or remove the tier",
                    );
                }
                let is_possible = |tier: &At<TierName>| {
                    self.host.backend == Backend::Zfs || tier.value == TierName::Restic
                };
                if !at.value.iter().any(is_possible) {
                    self.note(
                        at.place,
                        "none of these tiers is possible: a directory has no snapshots",
                        "add `restic` with a `repository` in [backup], or keep the host's services in backend = \"zfs\"",
                    );
                    return None;
                }
                at.value.into_iter().map(|at| at.value).collect()
            }
        };
        if self.host.backend == Backend::Directory {
            tiers.retain(|tier| *tier == TierName::Restic);
        }
        Some(tiers)
    }

    /// The service's repository. `backup`: where its own file has a `[backup]` without one.
    fn repository(&mut self, given: Given<SharedName>, backup: Option<Place>) -> Given<Repository> {
        let at = match given {
            Given::Value(at) => at,
            Given::Unreadable => return Given::Unreadable,
            Given::No => {
                let Some(place) = backup else {
                    return Given::No;
                };
                let declared = self.host.repositories.first();
                let example = declared.map_or("nas-1", |shared| shared.name.as_str());
                self.note(
                    place,
                    "[backup] names no repository",
                    format!(
                        "add e.g. repository = \"{example}\", as declared in {}",
                        self.host.file.display()
                    ),
                );
                return Given::Unreadable;
            }
        };
        let host = self.host;
        match self.shared(&host.repositories, "repository", &at) {
            Some(found) => Given::Value(At {
                value: found.clone(),
                place: at.place,
            }),
            None => Given::Unreadable,
        }
    }

    fn replicas(
        &mut self,
        given: Given<Vec<At<SharedName>>>,
        wanted: bool,
        dataset: Option<&At<DatasetName>>,
    ) -> Option<Vec<Replica>> {
        let host = self.host;
        let names = match given {
            Given::Unreadable => return None,
            Given::Value(at) => at.value,
            Given::No => {
                let all = host.replicas.iter().map(|shared| At {
                    value: SharedName(shared.name.clone()),
                    place: Place::START,
                });
                all.take_while(|_| wanted).collect()
            }
        };
        if let Some(twice) = duplicate(&names) {
            let (place, what) = (
                twice.place,
                format!("replica {} is named twice", quoted(&twice.value.0)),
            );
            self.note(place, what, "remove one of them");
        }
        let mut replicas = Vec::with_capacity(names.len());
        for name in names {
            let Some(found) = self.shared(&host.replicas, "replica", &name) else {
                continue;
            };
            let Some(dataset) = dataset.filter(|_| wanted) else {
                continue;
            };
            let Some(copy) = self.ok_or_note(name.place, found.parent.child(dataset.value.last()))
            else {
                continue;
            };
            if found.host.is_none() && dataset.value.holds(&copy) {
                self.note(
                    name.place,
                    format!(
                        "replica {} of {} would be {}",
                        quoted(&name.value.0),
                        quoted(dataset.value.as_str()),
                        quoted(copy.as_str())
                    ),
                    format!(
                        "let `parent` of [replica.{}] name where the copies are",
                        name.value.0
                    ),
                );
                continue;
            }
            replicas.push(Replica {
                name: name.value.0,
                host: found.host.clone(),
                parent: found.parent.clone(),
                dataset: copy,
            });
        }
        Some(replicas)
    }

    /// What `name` refers to in the host's file.
    fn shared<'b, T>(
        &mut self,
        declared: &'b [Shared<T>],
        kind: &str,
        name: &At<SharedName>,
    ) -> Option<&'b T> {
        let Some(found) = declared.iter().find(|shared| shared.name == name.value.0) else {
            // What the host's file declares is not known if it is broken.
            if self.host.problems.is_empty() {
                let names = declared.iter().map(|shared| shared.name.as_str());
                let help = match nearest(&name.value.0, names) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!(
                        "add [{kind}.{}] to {}",
                        name.value.0,
                        self.host.file.display()
                    ),
                };
                self.note(
                    name.place,
                    format!("{kind} {} is not declared", quoted(&name.value.0)),
                    help,
                );
            }
            return None;
        };
        match &found.declared {
            Ok(value) => Some(value),
            Err(problems) => {
                self.problems.extend(problems.iter().cloned());
                None
            }
        }
    }
}
