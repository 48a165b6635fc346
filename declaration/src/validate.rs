//! A service as validated: defaults filled in, references resolved, every rule checked that
//! concerns one service alone.

use std::path::{Path, PathBuf};

use crate::document::{At, Given};
use crate::fragment::Fragment;
use crate::host_file::{HostFile, Shared};
use crate::place::Place;
use crate::problem::Problem;
use crate::quote::{nearest, quoted};
use crate::settings::{
    Backup, Dataset, OnPartial, OnUnavailable, Replica, Repository, Service, Storage,
};
use crate::value::{
    Backend, Compression, DatasetName, Invalid, Mode, Mountpoint, Principal, RESERVED, Recordsize,
    ServiceName, SharedName, TierName, UnitName,
};

/// The longest dataset name of a service, in bytes: ZFS allows 255, and a restore appends a suffix
/// such as `:preseed-kept-20261123T072100Z-rollback` to it.
const LONGEST_DATASET: usize = 180;

/// What a service claims for itself alone, as far as it could be read.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) mountpoint: Option<At<PathBuf>>,
    pub(crate) dataset: Option<At<DatasetName>>,
    pub(crate) units: Vec<At<UnitName>>,
    pub(crate) replicas: Vec<At<Replica>>,
}

/// Validates what `file` declares; `name` is `None` if the file's name is no service name.
/// There is a service if nothing is wrong with it.
pub(crate) fn validate(
    file: &Path,
    name: Option<&ServiceName>,
    merged: Fragment,
    host: &HostFile,
) -> (Option<Service>, Claims, Vec<Problem>) {
    let mut validation = Validation {
        file,
        name,
        host,
        problems: Vec::new(),
    };
    let (service, claims) = validation.service(merged);
    let service = service.filter(|_| validation.problems.is_empty());
    (service, claims, validation.problems)
}

struct Validation<'a> {
    file: &'a Path,
    name: Option<&'a ServiceName>,
    host: &'a HostFile,
    problems: Vec<Problem>,
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

fn or<T>(given: Given<T>, default: T) -> Option<T> {
    or_else(given, || Some(default)).map(|at| at.value)
}

/// The values of a list without their places; empty if it is not given.
fn plain<T, U>(given: Given<Vec<At<T>>>, into: impl Fn(T) -> U) -> Option<Vec<U>> {
    let list = or(given, Vec::new())?;
    Some(list.into_iter().map(|at| into(at.value)).collect())
}

/// The first element that is there twice.
fn duplicate<T: PartialEq>(list: &[At<T>]) -> Option<&At<T>> {
    let is_repeated = |(index, at): &(usize, &At<T>)| {
        list[..*index].iter().any(|before| before.value == at.value)
    };
    list.iter().enumerate().find(is_repeated).map(|(_, at)| at)
}

impl Validation<'_> {
    fn note(&mut self, place: Place, what: impl Into<String>, cure: impl Into<String>) {
        self.problems.push(Problem {
            file: self.file.to_path_buf(),
            line: place.line,
            column: place.column,
            what: what.into(),
            cure: cure.into(),
        });
    }

    fn ok_or_note<T>(&mut self, place: Place, result: Result<T, Invalid>) -> Option<T> {
        result
            .map_err(|invalid| self.note(place, invalid.what, invalid.cure))
            .ok()
    }

    fn service(&mut self, merged: Fragment) -> (Option<Service>, Claims) {
        let dataset = self.dataset(merged.dataset);
        let mountpoint = self.mountpoint(merged.mountpoint);
        let units = self.units(merged.units);
        let incomplete_backup = merged
            .backup
            .filter(|_| matches!(merged.repository, Given::No));
        let repository = self.repository(merged.repository, incomplete_backup);
        let tiers = self.tiers(merged.tiers, matches!(repository, Given::No));
        let wants_replicas = tiers
            .as_ref()
            .is_none_or(|tiers| tiers.contains(&TierName::Snapshot));
        let replicas = self.replicas(merged.replicas, wants_replicas, dataset.as_ref());

        let claims = Claims {
            mountpoint: mountpoint.clone(),
            dataset: dataset.clone(),
            units: units.clone().unwrap_or_default(),
            replicas: replicas.clone().unwrap_or_default(),
        };

        let storage = match self.host.backend {
            Backend::Directory => Some(Storage::Directory),
            Backend::Zfs => dataset.and_then(|dataset| {
                Some(Storage::Zfs(Dataset {
                    parent: dataset.value.parent()?,
                    name: dataset.value,
                    recordsize: or(merged.recordsize, Recordsize(128 << 10))?,
                    compression: or_else(merged.compression, || {
                        Some(Compression("lz4".to_owned()))
                    })?
                    .value,
                }))
            }),
        };
        let root = || Some(Principal("root".to_owned()));
        let mountpoint = mountpoint.map(|at| at.value);
        let host = or(merged.host.map(|host| Some(host.0)), None);
        let path =
            or_else(merged.path.map(|path| path.0), || mountpoint.clone()).map(|at| at.value);
        let tags = plain(merged.tags, |tag| tag.0);
        let exclude = plain(merged.exclude, |pattern| pattern.0);
        let backup = || {
            Some(match repository {
                Given::No => None,
                Given::Unreadable => return None,
                Given::Value(repository) => Some(Backup {
                    repository: repository.value,
                    host: host?,
                    path: path?,
                    tags: tags?,
                    exclude: exclude?,
                }),
            })
        };
        let backup = backup();

        let complete = || {
            Some(Service {
                name: self.name?.clone(),
                source: self.file.to_path_buf(),
                storage: storage?,
                mountpoint: mountpoint?,
                owner: or_else(merged.owner, root)?.value,
                group: or_else(merged.group, root)?.value,
                mode: or(merged.mode, Mode(0o750))?,
                units: units?.into_iter().map(|at| at.value).collect(),
                tiers: tiers?,
                expect: plain(merged.expect, |path| path.0)?,
                ignore: plain(merged.ignore, |name| name.0)?,
                on_partial: or(merged.on_partial, OnPartial::default())?,
                on_unavailable: or(merged.on_unavailable, OnUnavailable::default())?,
                replicas: replicas?.into_iter().map(|at| at.value).collect(),
                backup: backup?,
            })
        };
        (complete(), claims)
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
        let shown = quoted(at.value.as_str());
        let name = at.value.as_str();
        if at.value.parent().is_none() {
            self.note(
                at.place,
                format!("dataset {shown} is a pool"),
                format!(
                    "give the service a dataset in it, e.g. {name}/{}",
                    self.name.map_or("sonarr", ServiceName::as_str)
                ),
            );
        } else if name.len() > LONGEST_DATASET {
            self.note(
                at.place,
                format!("dataset name {shown} is {} bytes long", name.len()),
                format!("choose one of at most {LONGEST_DATASET}: a restore needs room to name what it keeps"),
            );
        } else if name.contains(RESERVED) {
            self.note(
                at.place,
                format!("dataset name {shown} holds `{RESERVED}`"),
                "this marks datasets that a restore stages or keeps: choose another name",
            );
        } else if at.value.holds(&self.host.parent) && self.host.problems.is_empty() {
            self.note(
                at.place,
                format!("dataset {shown} holds the host's services ({})", self.host.parent),
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
    ) -> Option<Vec<At<Replica>>> {
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
            replicas.push(At {
                value: Replica {
                    name: name.value.0,
                    host: found.host.clone(),
                    parent: found.parent.clone(),
                    dataset: copy,
                },
                place: name.place,
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
                let cure = match nearest(&name.value.0, names) {
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
                    cure,
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
