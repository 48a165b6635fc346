//! The way of one service's file: read, put over its template, validated.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
use crate::document::Given;
use crate::fragment::Fragment;
use crate::host_file::HostFile;
use crate::lookup::{Content, Entry, Search};
use crate::merge::merge;
use crate::partial::{Partial, Places};
use crate::place::Place;
use crate::problem::Problem;
use crate::salvage::named_units;
use crate::settings::{Broken, Service, Storage};
use crate::validate::validate;
use crate::value::{ServiceName, UnitName};

/// How many problems of the host's file are repeated for each service that they break.
const MOST_REPEATED: usize = 3;

/// What all services are read against.
pub(crate) struct Shared<'a> {
    pub(crate) search: &'a Search,
    pub(crate) host: HostFile,
    pub(crate) catalog: Catalog<'a>,
}

/// One service as declared.
#[derive(Debug)]
pub(crate) struct Declared {
    content: Result<Service, Box<Partial>>,
    places: Places,
    /// What is wrong with it. Also a complete service is broken if there is anything.
    pub(crate) problems: Vec<Problem>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            mountpoint: Place::START,
            dataset: Place::START,
            units: Vec::new(),
            replicas: Place::START,
        }
    }
}

impl Declared {
    /// Reads a service's file; `None` if it is masked.
    pub(crate) fn read(entry: &Entry, shared: &Shared<'_>) -> Option<Self> {
        let source = entry.file();
        let name = entry.stem.to_string_lossy();
        let mut declared = match shared.search.read(&source, entry.is_regular) {
            Ok(Content::Masked) => return None,
            Ok(Content::Text { text, doubt }) => {
                let mut declared = Self::understand(&name, source, &text, shared);
                declared.problems.extend(doubt);
                declared
            }
            Err(unreadable) => Self {
                problems: vec![unreadable.problem(&source)],
                places: Places::default(),
                content: Err(Box::new(Partial {
                    name: name.into_owned(),
                    source,
                    salvaged: named_units(&unreadable.salvage),
                    ..Partial::default()
                })),
            },
        };
        let problems = &mut declared.problems;
        problems.extend(entry.doubt.as_deref().cloned());
        problems.extend(shared.host.problems.iter().take(MOST_REPEATED).cloned());
        Some(declared)
    }

    fn understand(name: &str, source: PathBuf, text: &str, shared: &Shared<'_>) -> Self {
        let (mut own, mut problems) = Fragment::read(&source, text, false);
        if !own.whole && own.salvaged.is_empty() && !matches!(own.units, Given::Value(_)) {
            own.salvaged = named_units(text);
        }
        let service_name = name.parse::<ServiceName>().map_err(|invalid| {
            let help = format!("rename the file: {}", invalid.help);
            problems.push(Place::START.problem(&source, invalid.what, help));
        });

        let nothing = Fragment::default();
        let template = match &own.template {
            Given::No => None,
            Given::Unreadable => Some((&nothing, Place::START)),
            Given::Value(at) => match shared.catalog.get(&at.value.0) {
                Ok(template) => {
                    problems.extend(template.problems.iter().cloned());
                    Some((&template.fragment, at.place))
                }
                Err((what, help)) => {
                    problems.push(at.place.problem(&source, what, help));
                    Some((&nothing, at.place))
                }
            },
        };
        let mut merged = merge(own, template);
        let salvaged = std::mem::take(&mut merged.salvaged);
        let service_name = service_name.as_ref().ok();
        let (content, places) =
            validate(&source, service_name, merged, &shared.host, &mut problems);
        let content = content.map_err(|partial| {
            Box::new(Partial {
                name: name.to_owned(),
                source,
                salvaged,
                ..partial
            })
        });
        Self {
            content,
            places,
            problems,
        }
    }

    /// Whether nothing is wrong with it.
    pub(crate) fn is_sound(&self) -> bool {
        self.content.is_ok() && self.problems.is_empty()
    }

    /// The file's name without `.toml`, converted lossily.
    pub(crate) fn name(&self) -> &str {
        match &self.content {
            Ok(service) => service.name.as_str(),
            Err(partial) => &partial.name,
        }
    }

    /// The file (absolute, without `PRESEED_ROOT`).
    pub(crate) fn source(&self) -> &Path {
        match &self.content {
            Ok(service) => &service.source,
            Err(partial) => &partial.source,
        }
    }

    pub(crate) fn mountpoint(&self) -> Option<(&Path, Place)> {
        let path = match &self.content {
            Ok(service) => &service.mountpoint,
            Err(partial) => partial.mountpoint.as_ref()?,
        };
        Some((path, self.places.mountpoint))
    }

    pub(crate) fn dataset(&self) -> Option<(&str, Place)> {
        let name = match &self.content {
            Ok(service) => match &service.storage {
                Storage::Zfs(dataset) => &dataset.name,
                Storage::Directory => return None,
            },
            Err(partial) => partial.dataset.as_ref()?,
        };
        Some((name.as_str(), self.places.dataset))
    }

    pub(crate) fn units(&self) -> impl Iterator<Item = (&str, Place)> {
        let units = match &self.content {
            Ok(service) => &service.units,
            Err(partial) => &partial.units,
        };
        units
            .iter()
            .map(UnitName::as_str)
            .zip(self.places.units.iter().copied())
    }

    /// Host and dataset of each replica.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = ((Option<&str>, &str), Place)> {
        let replicas = match &self.content {
            Ok(service) => &service.replicas,
            Err(partial) => &partial.replicas,
        };
        replicas.iter().map(|replica| {
            let key = (replica.host.as_deref(), replica.dataset.as_str());
            (key, self.places.replicas)
        })
    }

    /// The service, or why there is none.
    pub(crate) fn into_settings(self) -> Result<Service, Broken> {
        let (name, source, mut units) = match self.content {
            Ok(service) if self.problems.is_empty() => return Ok(service),
            Ok(service) => (service.name.0, service.source, service.units),
            Err(partial) if partial.salvaged.is_empty() => {
                (partial.name, partial.source, partial.units)
            }
            Err(partial) => (partial.name, partial.source, partial.salvaged),
        };
        if units.is_empty() {
            units.extend(format!("{name}.service").parse::<UnitName>());
        }
        // A list of a few: one that was named twice is kept down once.
        let mut seen = HashSet::new();
        units.retain(|unit| seen.insert(unit.clone()));
        Err(Broken {
            name,
            source,
            units,
            problems: self.problems,
        })
    }
}
