//! `[dataset]` of a service's file: where its data is kept, and what the directory is like.

pub(crate) mod property;

mod capabilities;

use std::collections::BTreeMap;
use std::mem::take;
use std::path::PathBuf;

use self::property::{Properties, Setting};
use super::key::keys;
use super::outcome::Outcome;
use super::storage::Backend;
use crate::given::{At, Given};
use crate::layer::{Declared, Layer};
use crate::location::Location;
use crate::quote::quoted;
use crate::validation::Validation;
use crate::value::{
    Compression, DatasetName, Mode, Mountpoint, Principal, RESERVED, Recordsize, ServiceName,
};

/// The longest dataset name of a service, in bytes: ZFS allows 255, and a restore appends a suffix
/// such as `:preseed-kept-20261123T072100Z-rollback` to it.
const LONGEST: usize = 180;

/// The last component of the dataset in which a pool remembers (`storage/src/zfs/memory.rs`).
const MEMORY: &str = "preseed:memory";

keys! {
    /// Where the service's data is kept. New storage is made as declared here. Of storage that exists, only a line of
    /// the service's own file changes anything; what a template, `preseed.toml` or a default says leaves it as it is.
    table "[dataset]";
    unite properties;

    /// The full name of the service's dataset. Not used with `backend = "directory"`.
    name: DatasetName = "name", default "`<parent>/<NAME>`", example "\"tank/services/sonarr\"";

    /// The ZFS property `recordsize`: a power of two from 512 to 16M.
    recordsize: Recordsize = "recordsize", default "`\"128K\"`", example "\"16K\"";

    /// The ZFS property `compression`: what ZFS 2.3 knows.
    compression: Compression = "compression", default "`\"lz4\"`", example "\"zstd\"";

    /// The directory at which the data is mounted: absolute, without a link in it that another user than root made.
    mountpoint: Mountpoint = "mountpoint", default "`<mount-base>/<NAME>`", example "\"/var/lib/sonarr\"";

    /// The owner of the directory: a user's name or number.
    owner: Principal = "owner", default "the user of `[user]`, else `\"root\"`", example "\"sonarr\"";

    /// The group of the directory: a group's name or number.
    group: Principal = "group", default "the group of `[user]`, else `\"root\"`", example "1000";

    /// The mode of the directory, octal and quoted.
    mode: Mode = "mode", default "`\"0750\"`", example "\"0700\"";

    /// The dataset in which the service's is made, if it is another than that of `[storage]`. Not beside `name`.
    parent: DatasetName = "parent", default "that of `[storage]`", example "\"tank/media\"";

    /// The ZFS property `quota`: how much the dataset and its snapshots may take together. Old snapshots fill it as well: `refquota` is what limits a service. A size, or `none`.
    quota: Setting = "quota", default "none", example "\"20G\"";

    /// The ZFS property `refquota`: how much the data itself may take, snapshots aside. A size, or `none`.
    refquota: Setting = "refquota", default "none", example "\"20G\"";

    /// The ZFS property `reservation`: how much room is kept for the dataset and its snapshots. A size, or `none`.
    reservation: Setting = "reservation", default "none", example "\"5G\"";

    /// The ZFS property `refreservation`: how much room is kept for the data itself. A size, or `none`.
    refreservation: Setting = "refreservation", default "none", example "\"5G\"";

    /// The ZFS property `atime`: whether reading a file changes its access time: `on` or `off`.
    atime: Setting = "atime", default "inherited", example "\"off\"";

    /// The ZFS property `snapdir`: whether `.zfs` is listed in the directory: `hidden` or `visible`.
    snapdir: Setting = "snapdir", default "inherited", example "\"visible\"";

    /// The ZFS property `dnodesize`: the size of dnodes: `legacy`, `auto`, or `1k` to `16k`.
    dnodesize: Setting = "dnodesize", default "inherited", example "\"auto\"";

    /// The ZFS property `casesensitivity`: whether names that differ in case alone are the same: `sensitive`, `insensitive` or `mixed`. Only for a new dataset.
    casesensitivity: Setting = "casesensitivity", default "sensitive", example "\"insensitive\"";

    /// The ZFS property `normalization`: how names are compared: `none`, `formC`, `formD`, `formKC` or `formKD`. Only for a new dataset.
    normalization: Setting = "normalization", default "no normalization", example "\"formD\"";

    /// The ZFS property `utf8only`: whether names must be UTF-8: `on` or `off`. Only for a new dataset.
    utf8only: Setting = "utf8only", default "off, or on with a `normalization`", example "\"on\"";

    /// Any other ZFS property that can be set, and user properties, whose names have a `:`. What several files declare is
    /// merged name by name.
    properties: Properties = "properties", default "none", example "{ logbias = \"latency\", \"com.sun:auto-snapshot\" = \"true\" }";
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
    /// The container it is created in, e.g. `tank/services`: a prefix of `name`. A default if `name` is declared.
    pub parent: Declared<DatasetName>,
    /// Its record size.
    pub recordsize: Declared<Recordsize>,
    /// Its compression.
    pub compression: Declared<Compression>,
    /// All other properties that are declared, by name, as `zfs set` takes them.
    pub properties: BTreeMap<String, Declared<String>>,
}

/// What a service's data is kept in.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) storage: Storage,
    pub(crate) mountpoint: Declared<PathBuf>,
    pub(crate) owner: Declared<Principal>,
    pub(crate) group: Declared<Principal>,
    pub(crate) mode: Declared<Mode>,
}

/// Each key's value as it holds in the end.
pub(crate) fn outcome(settings: &Settings) -> Vec<(&'static str, Outcome)> {
    let dataset = match &settings.storage {
        Storage::Zfs(dataset) => Some(dataset),
        Storage::Directory => None,
    };
    let of = |value: fn(&Dataset) -> Outcome| Outcome::or_nothing(dataset, value);
    vec![
        ("name", of(|dataset| Outcome::text(&dataset.name))),
        (
            "recordsize",
            of(|dataset| Outcome::text(&dataset.recordsize)),
        ),
        (
            "compression",
            of(|dataset| Outcome::text(&dataset.compression)),
        ),
        ("mountpoint", Outcome::path(&settings.mountpoint)),
        ("owner", Outcome::text(&settings.owner)),
        ("group", Outcome::text(&settings.group)),
        ("mode", Outcome::text(&settings.mode)),
        ("parent", of(|dataset| Outcome::text(&dataset.parent))),
    ]
    .into_iter()
    .chain(properties_outcome(dataset))
    .collect()
}

/// The keys that are properties, then all others.
fn properties_outcome(dataset: Option<&Dataset>) -> Vec<(&'static str, Outcome)> {
    let declared = |name: &str| dataset?.properties.get(name);
    let keys = KEYS.names.iter().skip_while(|key| **key != "quota");
    let keys = keys.filter(|key| **key != "properties");
    let mut outcome: Vec<_> = keys
        .map(|key| (*key, Outcome::or_nothing(declared(key), Outcome::text)))
        .collect();
    let others = dataset.into_iter().flat_map(|dataset| &dataset.properties);
    let others = others.filter(|(name, _)| !KEYS.names.contains(&name.as_str()));
    let others: Vec<_> = others
        .map(|(name, value)| (name.clone(), Outcome::text(value)))
        .collect();
    outcome.push((
        "properties",
        if others.is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Table(others)
        },
    ));
    outcome
}

/// What no other service can have, too.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// With the backend `directory` there is none.
    pub(crate) dataset: Option<At<DatasetName>>,
    /// Who says in which container it is.
    parent_layer: Layer,
    pub(crate) mountpoint: Option<At<PathBuf>>,
}

impl Fragment {
    /// Checks what refers to other settings. What is wrong is noted.
    pub(crate) fn check(&mut self, validation: &mut Validation<'_>) -> Checked {
        self.check_names(validation);
        let parent = self.take_parent(validation);
        let parent_layer = match (&self.name, &parent) {
            (Given::No, Some(parent)) => parent.layer,
            (Given::No, None) => Layer::Host,
            _ => Layer::Default,
        };
        let default = |validation: &mut Validation<'_>| {
            let host = &validation.host.storage.parent;
            let parent = parent.unwrap_or_else(|| At {
                location: Location::START,
                ..host.clone()
            });
            let child = parent.value.child(validation.name?.as_str());
            validation.ok_or_note(parent.location, child)
        };
        Checked {
            dataset: dataset(validation, take(&mut self.name), default),
            parent_layer,
            mountpoint: mountpoint(validation, take(&mut self.mountpoint)),
        }
    }

    /// The same for a place at this mountpoint, whose dataset is `name` if it declares none.
    pub(crate) fn check_place(
        &mut self,
        validation: &mut Validation<'_>,
        name: Option<DatasetName>,
        mountpoint: Option<At<PathBuf>>,
    ) -> Checked {
        self.check_names(validation);
        Checked {
            dataset: dataset(validation, take(&mut self.name), |_| name),
            parent_layer: Layer::Default,
            mountpoint,
        }
    }

    /// Takes from `main` whose directory it is, and its mode, where it says nothing of them.
    pub(crate) fn owned_like(self, main: &Self) -> Self {
        let or = |own: Given<Principal>, of_main: &Given<Principal>| match own {
            Given::No => of_main.clone(),
            own => own,
        };
        Self {
            owner: or(self.owner, &main.owner),
            group: or(self.group, &main.group),
            mode: match self.mode {
                Given::No => main.mode.clone(),
                own => own,
            },
            ..self
        }
    }

    /// The settings, if every value is there.
    pub(crate) fn settle(mut self, checked: Checked, backend: Backend) -> Option<Settings> {
        let root = || Principal("root".to_owned());
        let storage = match backend {
            Backend::Directory => Storage::Directory,
            Backend::Zfs => {
                let name = checked.dataset?.value;
                let properties = self.take_properties()?;
                Storage::Zfs(Dataset {
                    parent: Declared {
                        value: name.parent()?,
                        layer: checked.parent_layer,
                    },
                    name,
                    recordsize: self.recordsize.at_or(Recordsize(128 << 10))?.into(),
                    compression: self
                        .compression
                        .at_or(Compression("lz4".to_owned()))?
                        .into(),
                    properties,
                })
            }
        };
        Some(Settings {
            storage,
            mountpoint: checked.mountpoint?.into(),
            owner: self.owner.at_or(root())?.into(),
            group: self.group.at_or(root())?.into(),
            mode: self.mode.at_or(Mode(0o750))?.into(),
        })
    }
}

impl Fragment {
    /// The dataset in which the service's is made, where that is not named, or only by its template.
    fn take_parent(&mut self, validation: &mut Validation<'_>) -> Option<At<DatasetName>> {
        let parent = take(&mut self.parent).into_at()?;
        let Given::Value(name) = &self.name else {
            return Some(parent);
        };
        if name.layer == parent.layer {
            validation.note(
                parent.location,
                "`parent` and `name` both say where the dataset is",
                "remove one of them",
            );
            return None;
        }
        // The nearer file wins.
        (parent.layer == Layer::Service).then(|| {
            self.name = Given::No;
            parent
        })
    }

    /// ZFS normalizes only names that are UTF-8.
    fn check_names(&self, validation: &mut Validation<'_>) {
        if let (Given::Value(form), Given::Value(utf8only)) = (&self.normalization, &self.utf8only)
            && form.value.0 != "none"
            && utf8only.value.0 == "off"
        {
            validation.note(
                utf8only.location,
                format!("`utf8only` is off, and `normalization` is {}", form.value.0),
                "remove one of them: only names that are UTF-8 are normalized",
            );
        }
    }

    /// All properties, those that have a key and the others.
    fn take_properties(&mut self) -> Option<BTreeMap<String, Declared<String>>> {
        let with_a_key = [
            ("quota", take(&mut self.quota)),
            ("refquota", take(&mut self.refquota)),
            ("reservation", take(&mut self.reservation)),
            ("refreservation", take(&mut self.refreservation)),
            ("atime", take(&mut self.atime)),
            ("snapdir", take(&mut self.snapdir)),
            ("dnodesize", take(&mut self.dnodesize)),
            ("casesensitivity", take(&mut self.casesensitivity)),
            ("normalization", take(&mut self.normalization)),
            ("utf8only", take(&mut self.utf8only)),
        ];
        let mut properties = BTreeMap::new();
        for (name, given) in with_a_key {
            if matches!(given, Given::Unreadable) {
                return None;
            }
            if let Given::Value(at) = given {
                properties.insert(name.to_owned(), at.map(|Setting(value)| value).into());
            }
        }
        let others = take(&mut self.properties).or(Properties::new())?;
        let others = others.into_iter();
        properties.extend(others.map(|(name, at)| (name, at.map(|Setting(value)| value).into())));
        Some(properties)
    }
}

/// The service's dataset, for the directory backend `None`.
fn dataset(
    validation: &mut Validation<'_>,
    given: Given<DatasetName>,
    default: impl FnOnce(&mut Validation<'_>) -> Option<DatasetName>,
) -> Option<At<DatasetName>> {
    let host = validation.host;
    if host.storage.backend == Backend::Directory {
        return None;
    }
    let at = match given {
        Given::Value(at) => at,
        Given::Unreadable => return None,
        // What the host's file says is not known if it is broken.
        Given::No if !host.problems.is_empty() => return None,
        Given::No => At::default(default(validation)?),
    };
    match refusal(&at.value, validation) {
        Some((what, help)) => {
            validation.note(at.location, what, help);
            None
        }
        None => Some(at),
    }
}

/// Why a service cannot have this dataset, and what to do.
fn refusal(dataset: &DatasetName, validation: &Validation<'_>) -> Option<(String, String)> {
    let host = validation.host;
    let name = dataset.as_str();
    let shown = quoted(name);
    let (what, help) = if !name.contains('/') {
        let example = validation.name.map_or("sonarr", ServiceName::as_str);
        (
            format!("dataset {shown} is a pool"),
            format!("give the service a dataset in it, e.g. {name}/{example}"),
        )
    } else if name.len() > LONGEST {
        (
            format!("dataset name {shown} is {} bytes long", name.len()),
            format!("choose one of at most {LONGEST}: a restore needs room to name what it keeps"),
        )
    } else if dataset.last() == MEMORY {
        (
            format!("dataset {shown} is where preseed remembers what services had data"),
            "choose another name".to_owned(),
        )
    } else if name.contains(RESERVED) {
        (
            format!("dataset name {shown} holds `{RESERVED}`"),
            "this marks datasets that a restore stages or keeps: choose another name".to_owned(),
        )
    } else if dataset.holds(&host.storage.parent.value) && host.problems.is_empty() {
        (
            format!(
                "dataset {shown} holds the host's services ({})",
                host.storage.parent.value
            ),
            "give the service a dataset of its own: a restore replaces it with all that is in it"
                .to_owned(),
        )
    } else {
        return None;
    };
    Some((what, help))
}

fn mountpoint(validation: &mut Validation<'_>, given: Given<Mountpoint>) -> Option<At<PathBuf>> {
    let host = validation.host;
    match given {
        Given::Value(at) => Some(at.map(|Mountpoint(path)| path)),
        Given::Unreadable => None,
        Given::No if !host.problems.is_empty() => None,
        Given::No => {
            let base = &host.storage.mount_base;
            let path = base.value.join(validation.name?.as_str());
            let mountpoint = path.to_string_lossy().parse::<Mountpoint>();
            let Mountpoint(path) = validation.ok_or_note(Location::START, mountpoint)?;
            Some(At {
                value: path,
                location: Location::START,
                layer: base.layer,
            })
        }
    }
}
