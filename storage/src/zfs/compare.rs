//! What is declared of datasets against what they are, for many at once.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use declaration::layer::{Declared, Layer};
use declaration::settings::{Dataset, Service, Utility};
use declaration::value::DatasetName;

use super::last_set::LastSet;
use super::properties::{self, Properties};
use super::wanted::{self, Wanted};
use super::{call, memory, version};
use crate::compared::{Compared, Orphan};
use crate::{MarkState, Result, as_found, kept};

/// What is asked of each dataset besides what is declared. The last is one that nobody can set (see [`super::listing`]).
const ASKED: [&str; 10] = [
    "type",
    "mountpoint",
    "canmount",
    "recordsize",
    "compression",
    "mounted",
    "preseed:state",
    "preseed:set",
    "used",
    "guid",
];

/// A dataset, and the properties that are declared for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declaration<'a> {
    pub(crate) name: &'a DatasetName,
    pub(crate) properties: &'a BTreeMap<String, Declared<String>>,
}

impl<'a> From<&'a Dataset> for Declaration<'a> {
    fn from(dataset: &'a Dataset) -> Self {
        Self {
            name: &dataset.name,
            properties: &dataset.properties,
        }
    }
}

impl<'a> From<&'a Utility> for Declaration<'a> {
    fn from(utility: &'a Utility) -> Self {
        Self {
            name: &utility.dataset,
            properties: &utility.properties,
        }
    }
}

/// Datasets as one listing showed them.
#[derive(Debug)]
pub(crate) struct Seen {
    datasets: BTreeMap<String, Properties>,
    /// The declared properties that the machine's ZFS does not know.
    unknown: BTreeSet<String>,
    /// The pools that are imported.
    pools: OnceCell<Result<Vec<String>>>,
}

/// Looks at these containers, and at all directly below them, in one call of `zfs`.
///
/// # Errors
/// When they cannot be listed. One that does not exist is left out.
pub(crate) fn look(containers: &BTreeSet<&str>, declared: &[Declaration<'_>]) -> Result<Seen> {
    let mut unknown = BTreeSet::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for dataset in declared {
        let more = dataset.properties.keys().map(String::as_str);
        for name in more {
            if version::is_known(dataset.name, name) {
                names.insert(name);
            } else {
                unknown.insert(name.to_owned());
            }
        }
    }
    let more = names.into_iter().filter(|name| !ASKED.contains(name));
    let asked: Vec<&str> = more.chain(ASKED).collect();
    let containers: Vec<&str> = containers.iter().copied().collect();
    let datasets = if containers.is_empty() {
        BTreeMap::new()
    } else {
        properties::all(&["-d", "1", "-t", "filesystem,volume"], &asked, &containers)?
    };
    Ok(Seen {
        datasets,
        unknown,
        pools: OnceCell::new(),
    })
}

impl Seen {
    /// Each property that is declared for a service, against what its dataset has; `None` if there is no such dataset.
    pub(crate) fn compare(&self, service: &Service, dataset: &Dataset) -> Option<Vec<Compared>> {
        let found = self.datasets.get(dataset.name.as_str())?;
        Some(self.compared(&wanted::declared(service, dataset), found))
    }

    /// The service with its places where those are that lie below its own, if that is mounted elsewhere than its own file says.
    pub(crate) fn placed<'a>(&self, service: &'a Service) -> Cow<'a, Service> {
        let Some(dataset) = service.storage.dataset() else {
            return Cow::Borrowed(service);
        };
        let found = self.datasets.get(dataset.name.as_str());
        let place = found.and_then(|found| found.value("mountpoint"));
        match place.filter(|place| place.starts_with('/')) {
            Some(place) if !service.places.is_empty() && !service.mountpoint.is_own() => {
                let declared = service.mountpoint.clone();
                let mut moved = as_found::moved(service, PathBuf::from(place));
                // Its own is told as it is declared.
                moved.mountpoint = declared;
                Cow::Owned(moved)
            }
            _ => Cow::Borrowed(service),
        }
    }

    /// The same for a dataset that belongs to no service.
    pub(crate) fn compare_utility(&self, utility: &Utility) -> Option<Vec<Compared>> {
        let found = self.datasets.get(utility.dataset.as_str())?;
        let all: Vec<_> = wanted::of_properties(&utility.properties).collect();
        Some(self.compared(&all, found))
    }

    /// That the pool of a dataset that is missing is there. Asks once for all.
    ///
    /// # Errors
    /// When it is not imported, or when that cannot be told.
    pub(crate) fn pool_must_be_there(&self, dataset: &str) -> Result<()> {
        match self.pools.get_or_init(|| call::pools(dataset)) {
            Ok(pools) => call::pool_must_be_among(dataset, pools),
            Err(error) => Err(error.clone()),
        }
    }

    /// The declared properties that the machine's ZFS does not know.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &String> {
        self.unknown.iter()
    }

    fn compared(&self, all: &[Wanted<'_>], found: &Properties) -> Vec<Compared> {
        let noted = LastSet::of(found);
        let said = all.iter().filter(|wanted| wanted.layer != Layer::Default);
        said.map(|wanted| {
            let is_known = !self.unknown.contains(wanted.property);
            Compared {
                key: wanted.property.to_owned(),
                declared: wanted.value.clone(),
                layer: wanted.layer,
                actual: found.value(wanted.property).unwrap_or("-").to_owned(),
                state: wanted::state(wanted, found, &noted, is_known),
            }
        })
        .collect()
    }

    /// Those directly below `parents` that nothing declares: not `declared`, which are also what lies on the way to one,
    /// and nothing of preseed's own.
    pub(crate) fn orphans(
        &self,
        parents: &BTreeSet<&str>,
        declared: &BTreeSet<&str>,
    ) -> Vec<Orphan> {
        let is_declared = |name: &str| {
            let on_the_way = |declared: &&str| {
                declared
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            declared.iter().any(on_the_way)
        };
        let is_below = |name: &str| {
            let parent = name.rsplit_once('/').map(|(parent, _)| parent);
            parent.is_some_and(|parent| parents.contains(parent))
        };
        let orphans = self.datasets.iter().filter(|(name, _)| {
            is_below(name)
                && !is_declared(name)
                && !kept::is_not_in_place(name)
                && !memory::is_ours(name)
        });
        orphans
            .map(|(name, found)| Orphan {
                name: name.clone(),
                bytes: found.value("used").and_then(|used| used.parse().ok()),
                mountpoint: found
                    .value("mountpoint")
                    .filter(|place| place.starts_with('/'))
                    .map(PathBuf::from),
                service: match found.mark() {
                    MarkState::Ours(mark) => mark.service,
                    _ => None,
                },
            })
            .collect()
    }
}
