//! The way of one service's file: read, put over its template, validated.

use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::document::Given;
use crate::fragment::Fragment;
use crate::host_file::HostFile;
use crate::lookup::{Content, Entry, Search};
use crate::merge::merge;
use crate::place::Place;
use crate::problem::Problem;
use crate::settings::{Broken, Service};
use crate::validate::{Claims, validate};
use crate::value::{ServiceName, UnitName};

/// How many problems of the host's file are repeated for each service that they break.
const MOST_REPEATED: usize = 3;

/// What all services are read against.
pub(crate) struct Shared<'a> {
    pub(crate) search: &'a Search,
    pub(crate) host: HostFile,
    pub(crate) catalog: Catalog<'a>,
}

/// One service as declared: sound, or with the reasons why not.
#[derive(Debug)]
pub(crate) struct Declared {
    /// The file's name without `.toml`, converted lossily.
    pub(crate) name: String,
    pub(crate) source: PathBuf,
    /// There if nothing is wrong.
    pub(crate) service: Option<Service>,
    pub(crate) problems: Vec<Problem>,
    /// The units that must not start, if they could not all be read.
    salvaged: Vec<UnitName>,
    pub(crate) claims: Claims,
}

impl Declared {
    /// Reads a service's file; `None` if it is masked.
    pub(crate) fn read(entry: &Entry, shared: &Shared<'_>) -> Option<Self> {
        let mut declared = Self {
            name: entry.stem.to_string_lossy().into_owned(),
            source: entry.file.clone(),
            service: None,
            problems: Vec::new(),
            salvaged: Vec::new(),
            claims: Claims::default(),
        };
        match shared.search.read(&entry.file, entry.is_regular) {
            Ok(Content::Masked) => return None,
            Ok(Content::Text(text)) => declared.understand(&text, shared),
            Err(unreadable) => {
                declared.problems.push(unreadable.problem(&entry.file));
                declared.salvaged = named_units(&unreadable.salvage);
            }
        }
        declared.problems.extend(entry.doubt.clone());
        declared
            .problems
            .extend(shared.host.problems.iter().take(MOST_REPEATED).cloned());
        if !declared.problems.is_empty() {
            declared.service = None;
        }
        Some(declared)
    }

    fn understand(&mut self, text: &str, shared: &Shared<'_>) {
        let name = match self.name.parse::<ServiceName>() {
            Ok(name) => Some(name),
            Err(invalid) => {
                self.note(
                    Place::START,
                    invalid.what,
                    format!("rename the file: {}", invalid.cure),
                );
                None
            }
        };
        let (mut own, problems) = Fragment::read(&self.source, text, false);
        self.problems.extend(problems);
        if !own.whole && own.salvaged.is_empty() && !matches!(own.units, Given::Value(_)) {
            own.salvaged = named_units(text);
        }

        let nothing = Fragment::default();
        let template = match &own.template {
            Given::No => None,
            Given::Unreadable => Some((&nothing, Place::START)),
            Given::Value(at) => match shared.catalog.get(&at.value.0) {
                Ok(template) => {
                    self.problems.extend(template.problems.iter().cloned());
                    Some((&template.fragment, at.place))
                }
                Err((what, cure)) => {
                    self.note(at.place, what, cure);
                    Some((&nothing, at.place))
                }
            },
        };
        let merged = merge(own, template);
        let salvaged = merged.salvaged.clone();
        let (service, claims, problems) =
            validate(&self.source, name.as_ref(), merged, &shared.host);
        self.problems.extend(problems);
        self.salvaged = salvaged;
        self.service = service;
        self.claims = claims;
    }

    fn note(&mut self, place: Place, what: String, cure: String) {
        self.problems.push(Problem {
            file: self.source.clone(),
            line: place.line,
            column: place.column,
            what,
            cure,
        });
    }

    /// The service, or why there is none.
    pub(crate) fn into_settings(self) -> Result<Service, Broken> {
        if let Some(service) = self.service {
            return Ok(service);
        }
        let mut units = self.salvaged;
        if units.is_empty() {
            units.extend(self.claims.units.into_iter().map(|at| at.value));
        }
        if units.is_empty() {
            units.extend(format!("{}.service", self.name).parse::<UnitName>());
        }
        Err(Broken {
            name: self.name,
            source: self.source,
            units,
            problems: self.problems,
        })
    }
}

/// The unit names on the lines of `unit = …` in a text that could not be parsed.
///
/// If the name of the unit that must not start can be seen at all, it should not start.
fn named_units(text: &str) -> Vec<UnitName> {
    let mut units = Vec::new();
    let mut is_unit = false;
    for line in text.lines() {
        let line = line.trim_start();
        let value = match line.split_once('=') {
            Some((key, value)) => {
                is_unit = key.trim() == "unit" || key.trim() == "preseed.unit";
                value
            }
            None if line.starts_with('[') => {
                is_unit = false;
                continue;
            }
            None => line,
        };
        if is_unit {
            let words = value
                .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']'));
            units.extend(words.filter_map(|word| word.parse::<UnitName>().ok()));
        }
        // A few lines hold a few units: a longer list is something else.
        if units.len() >= 64 {
            break;
        }
    }
    units.dedup();
    units
}
