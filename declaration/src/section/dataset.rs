//! `[dataset]` of a service's file: where its data is kept, and what the directory is like.

use std::path::PathBuf;

use super::key::keys;
use super::outcome::Outcome;
use super::storage::Backend;
use crate::given::{At, Given};
use crate::layer::Declared;
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

    /// The full name of the service's dataset. Not used with `backend = "directory"`.
    name: DatasetName = "name", default "`<parent>/<NAME>`", example "\"tank/services/sonarr\"";

    /// The ZFS property `recordsize`: a power of two from 512 to 16M.
    recordsize: Recordsize = "recordsize", default "`\"128K\"`", example "\"16K\"";

    /// The ZFS property `compression`: what ZFS 2.3 knows.
    compression: Compression = "compression", default "`\"lz4\"`", example "\"zstd\"";

    /// The directory at which the data is mounted: absolute, without a link in it that another user than root made.
    mountpoint: Mountpoint = "mountpoint", default "`<mount-base>/<NAME>`", example "\"/var/lib/sonarr\"";

    /// The owner of the directory: a user's name or number.
    owner: Principal = "owner", default "`\"root\"`", example "\"sonarr\"";

    /// The group of the directory: a group's name or number.
    group: Principal = "group", default "`\"root\"`", example "1000";

    /// The mode of the directory, octal and quoted.
    mode: Mode = "mode", default "`\"0750\"`", example "\"0700\"";
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
    ]
}

/// What no other service can have, too.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// With the backend `directory` there is none.
    pub(crate) dataset: Option<At<DatasetName>>,
    pub(crate) mountpoint: Option<At<PathBuf>>,
}

impl Fragment {
    /// Checks what refers to other settings. What is wrong is noted.
    pub(crate) fn check(&mut self, validation: &mut Validation<'_>) -> Checked {
        Checked {
            dataset: dataset(validation, std::mem::take(&mut self.name)),
            mountpoint: mountpoint(validation, std::mem::take(&mut self.mountpoint)),
        }
    }

    /// The settings, if every value is there.
    pub(crate) fn settle(self, checked: Checked, backend: Backend) -> Option<Settings> {
        let root = || Principal("root".to_owned());
        let storage = match backend {
            Backend::Directory => Storage::Directory,
            Backend::Zfs => {
                let name = checked.dataset?.value;
                Storage::Zfs(Dataset {
                    parent: name.parent()?,
                    name,
                    recordsize: self.recordsize.at_or(Recordsize(128 << 10))?.into(),
                    compression: self
                        .compression
                        .at_or(Compression("lz4".to_owned()))?
                        .into(),
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

/// The service's dataset, for the directory backend `None`.
fn dataset(validation: &mut Validation<'_>, given: Given<DatasetName>) -> Option<At<DatasetName>> {
    let host = validation.host;
    if host.storage.backend == Backend::Directory {
        return None;
    }
    let at = match given {
        Given::Value(at) => at,
        Given::Unreadable => return None,
        // What the host's file says is not known if it is broken.
        Given::No if !host.problems.is_empty() => return None,
        Given::No => {
            let child = host.storage.parent.value.child(validation.name?.as_str());
            At::default(validation.ok_or_note(Location::START, child)?)
        }
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
