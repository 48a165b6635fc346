//! The way of one service's file: read, put over its template, validated.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
use crate::fragment::Fragment;
use crate::given::Given;
use crate::host_file::HostFile;
use crate::layer::Layer;
use crate::location::{Files, Location};
use crate::lookup::{Content, Entry, Fragments, Search};
use crate::partial::{Locations, Partial};
use crate::problem::Problem;
use crate::regular_file::Unreadable;
use crate::salvage::named_units;
use crate::service::validate;
use crate::settings::{Broken, Service, Storage};
use crate::value::{DatasetName, ServiceName, UnitName};

/// How many problems of the host's file are repeated for each service that they break.
const MOST_REPEATED: usize = 3;

/// What all services are read against.
pub(crate) struct Context<'a> {
    pub(crate) search: &'a Search,
    pub(crate) host: HostFile,
    pub(crate) catalog: Catalog<'a>,
}

/// One service as declared.
#[derive(Debug)]
pub(crate) struct ServiceFile {
    content: Result<Service, Box<Partial>>,
    /// The fragments that change the declaration.
    fragments: Vec<PathBuf>,
    locations: Locations,
    /// The units of the files that it goes before, if it must not be relied on: they stay down as well.
    overridden: Vec<UnitName>,
    /// What is wrong with it. Also a complete service is broken if there is anything.
    pub(crate) problems: Vec<Problem>,
}

/// That a user or a group has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    /// `user` or `group`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    pub(crate) id: u32,
}

impl ServiceFile {
    /// Reads a service's file and its fragments; `None` if it is masked. A mask that another may have put there is none.
    pub(crate) fn read(entry: &Entry, context: &Context<'_>) -> Option<Self> {
        let source = entry.file();
        let name = entry.stem.to_string_lossy();
        let content = context.search.read(&source, entry.is_regular);
        if matches!(content, Ok(Content::Masked))
            && (entry.doubt.is_none() || entry.below.is_empty())
        {
            return None;
        }
        let is_doubtful =
            entry.doubt.is_some() || matches!(content, Ok(Content::Text { doubt: Some(_), .. }));
        let fragments = entry.fragments(context.search);
        let mut read = match content {
            Ok(Content::Masked) => Self::unreadable(&name, source, Vec::new(), Vec::new()),
            Ok(Content::Text { text, doubt }) => {
                let mut read = Self::understand(&name, source, &text, fragments, context);
                read.problems.extend(doubt);
                read
            }
            Err(unreadable) => {
                let mut salvaged = named_units(&unreadable.salvage);
                for (_, text) in &fragments.files {
                    salvaged.extend(text.iter().flat_map(|text| named_units(text)));
                }
                let mut problems = fragments.problems;
                problems.push(unreadable.problem(&source));
                Self::unreadable(&name, source, salvaged, problems)
            }
        };
        if is_doubtful {
            read.overridden = overridden(entry, context.search);
        }
        let problems = &mut read.problems;
        problems.extend(entry.doubt.as_deref().cloned());
        problems.extend(context.host.problems.iter().take(MOST_REPEATED).cloned());
        Some(read)
    }

    /// A file of which nothing is known but units that may be meant.
    fn unreadable(
        name: &str,
        source: PathBuf,
        salvaged: Vec<UnitName>,
        problems: Vec<Problem>,
    ) -> Self {
        Self {
            content: Err(Box::new(Partial {
                name: name.to_owned(),
                source,
                salvaged,
                ..Partial::default()
            })),
            fragments: Vec::new(),
            locations: Locations::default(),
            overridden: Vec::new(),
            problems,
        }
    }

    fn understand(
        name: &str,
        source: PathBuf,
        text: &str,
        fragments: Fragments,
        context: &Context<'_>,
    ) -> Self {
        let mut problems = fragments.problems;
        let own = read_one(&source, text, 0, &mut problems);
        let (own, files) = put_over(own, fragments.files, &mut problems);
        let of_service = Files {
            declaration: &source,
            fragments: &files,
        };
        let service_name = name.parse::<ServiceName>().map_err(|invalid| {
            let help = format!("rename the file: {}", invalid.help);
            problems.push(Location::START.problem(&source, invalid.what, help));
        });

        let unreadable = Fragment::default();
        let none = Fragment {
            whole: true,
            ..Fragment::default()
        };
        let location = own.top.template.location();
        let template = match &own.top.template {
            Given::No => &none,
            Given::Unreadable => &unreadable,
            Given::Value(at) => match context.catalog.get(&at.value.0) {
                Ok(template) => {
                    problems.extend(template.problems.iter().cloned());
                    &template.fragment
                }
                Err((what, help)) => {
                    problems.push(of_service.problem(location, what, help));
                    &unreadable
                }
            },
        };
        let mut merged = own.over_template(template, location);
        let salvaged = std::mem::take(&mut merged.salvaged);
        let service_name = service_name.as_ref().ok();
        let (content, locations) = validate(
            of_service,
            service_name,
            merged,
            &context.host,
            &mut problems,
        );
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
            fragments: files,
            locations,
            overridden: Vec::new(),
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

    /// The files that make it.
    pub(crate) fn files(&self) -> Files<'_> {
        Files {
            declaration: self.source(),
            fragments: &self.fragments,
        }
    }

    /// The names of its places in full.
    pub(crate) fn part_names(&self) -> impl Iterator<Item = (&str, Location)> {
        let service = self.content.as_ref().ok().into_iter();
        let own = service
            .clone()
            .map(|service| (service.name.as_str(), Location::START));
        let places = service.flat_map(|service| &service.places);
        let places = places.map(|place| (place.name.as_str(), self.locations_of(place)[1]));
        own.chain(places)
    }

    /// Where a place's mountpoint and dataset are declared.
    fn locations_of(&self, place: &Service) -> [Location; 2] {
        let name = place.part.as_ref().map(|part| &part.place);
        let locations = name.and_then(|name| self.locations.places.get(name));
        locations.copied().unwrap_or_default()
    }

    fn places(&self) -> impl Iterator<Item = &Service> {
        let service = self.content.as_ref().ok().into_iter();
        service.flat_map(|service| &service.places)
    }

    /// Its mountpoints: its own, and those of its places.
    pub(crate) fn mountpoints(&self) -> impl Iterator<Item = (&Path, Location)> {
        let own = match &self.content {
            Ok(service) => Some(service.mountpoint.as_path()),
            Err(partial) => partial.mountpoint.as_deref(),
        };
        let own = own.map(|path| (path, self.locations.mountpoint));
        let places = self
            .places()
            .map(|place| (place.mountpoint.as_path(), self.locations_of(place)[0]));
        own.into_iter().chain(places)
    }

    /// Its datasets: its own, and those of its places.
    pub(crate) fn datasets(&self) -> impl Iterator<Item = (&str, Location)> {
        let name = |service| match service {
            &Service {
                storage: Storage::Zfs(ref dataset),
                ..
            } => Some(dataset.name.as_str()),
            _ => None,
        };
        let own = match &self.content {
            Ok(service) => name(service),
            Err(partial) => partial.dataset.as_ref().map(DatasetName::as_str),
        };
        let own = own.map(|dataset| (dataset, self.locations.dataset));
        let places = self
            .places()
            .filter_map(move |place| Some((name(place)?, self.locations_of(place)[1])));
        own.into_iter().chain(places)
    }

    pub(crate) fn units(&self) -> impl Iterator<Item = (&str, Location)> {
        let units = match &self.content {
            Ok(service) => &service.units,
            Err(partial) => &partial.units,
        };
        units
            .iter()
            .map(UnitName::as_str)
            .zip(self.locations.units.iter().copied())
    }

    /// Name and number of its user and of its group, where both are declared.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = (Number<'_>, Location)> {
        let user = self.content.as_ref().ok();
        let user = user.and_then(|service| service.user.as_ref());
        let [of_user, of_group] = self.locations.numbers;
        let both = user.map(|user| {
            [
                ("user", &user.name, user.uid, of_user),
                ("group", &user.group, user.gid, of_group),
            ]
        });
        both.into_iter()
            .flatten()
            .filter_map(|(kind, name, id, at)| {
                let name = name.as_str();
                Some((
                    Number {
                        kind,
                        name,
                        id: id?,
                    },
                    at,
                ))
            })
    }

    /// Host and dataset of each replica.
    pub(crate) fn replicas(&self) -> impl Iterator<Item = ((Option<&str>, &str), Location)> {
        let replicas = match &self.content {
            Ok(service) => &service.replicas,
            Err(partial) => &partial.replicas,
        };
        let of_places = self.places().flat_map(|place| &place.replicas);
        replicas.iter().chain(of_places).map(|replica| {
            let key = (replica.host.as_deref(), replica.dataset.as_str());
            (key, self.locations.replicas)
        })
    }

    /// The service, or why there is none.
    pub(crate) fn into_settings(self) -> Result<Service, Broken> {
        let (name, source, mut units) = match self.content {
            Ok(service) if self.problems.is_empty() => return Ok(service),
            Ok(service) => (service.name.0, service.source, service.preseed.units),
            Err(partial) if partial.salvaged.is_empty() => {
                (partial.name, partial.source, partial.units)
            }
            Err(partial) => (partial.name, partial.source, partial.salvaged),
        };
        if units.is_empty() {
            units.extend(format!("{name}.service").parse::<UnitName>());
        }
        units.extend(self.overridden);
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

/// The units of the files that a declaration goes before: what they name, or the one that is called like the service.
fn overridden(entry: &Entry, search: &Search) -> Vec<UnitName> {
    let name = entry.stem.to_string_lossy();
    let units = entry.below.iter().flat_map(|file| {
        let named = match search.read(file, false) {
            Ok(Content::Masked) => return Vec::new(),
            Ok(Content::Text { text, .. }) => named_units(&text),
            Err(unreadable) => named_units(&unreadable.salvage),
        };
        if named.is_empty() {
            format!("{name}.service").parse().into_iter().collect()
        } else {
            named
        }
    });
    units.collect()
}

/// Reads one of a service's files, with the units that may be meant if it cannot be parsed.
fn read_one(file: &Path, text: &str, number: u16, problems: &mut Vec<Problem>) -> Fragment {
    let (mut fragment, noted) = Fragment::read(file, text, Layer::Service, number);
    problems.extend(noted);
    let is_known = matches!(fragment.preseed.units, Given::Value(_));
    if !fragment.whole && fragment.salvaged.is_empty() && !is_known {
        fragment.salvaged = named_units(text);
    }
    fragment
}

/// Puts the fragments over the declaration, in their order. Their files follow it.
fn put_over(
    mut declaration: Fragment,
    fragments: Vec<(PathBuf, Result<String, Unreadable>)>,
    problems: &mut Vec<Problem>,
) -> (Fragment, Vec<PathBuf>) {
    let mut files = Vec::with_capacity(fragments.len());
    for (file, text) in fragments {
        let number = u16::try_from(files.len() + 1).unwrap_or(u16::MAX);
        let fragment = match text {
            Ok(text) => read_one(&file, &text, number, problems),
            Err(unreadable) => Fragment {
                salvaged: named_units(&unreadable.salvage),
                ..Fragment::default()
            },
        };
        declaration = fragment.over_declaration(&declaration);
        files.push(file);
    }
    (declaration, files)
}
