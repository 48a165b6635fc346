//! `[place.NAME]` of a service's file: a further dataset of the service, with rules of its own.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::key::{KeyDoc, TableDoc, TableFragment, keys};
use super::outcome::Outcome;
use super::{dataset, preseed};
use crate::document::Document;
use crate::given::{Given, Merge};
use crate::location::Location;
use crate::quote::quoted;
use crate::table::{Keys, Named, Table};
use crate::value::{PlaceMountpoint, SharedName};

keys! {
    /// A further dataset of the service: `<parent>/<NAME>.<PLACE>`, beside the service's own. It is restored if it is
    /// lost, and only then: what is there is never replaced at a start. All that is lost is staged and verified before
    /// any of it is put in place. Not with `backend = "directory"`.
    table "[place.NAME]";

    /// Where it is mounted: a directory below the service's mountpoint, or an absolute path.
    mountpoint: PlaceMountpoint = "mountpoint", default "none: it must be declared", example "\"MediaCover\"";

    /// Whether it may start empty where no source has restored it: also if it had data, a source could not be asked, a
    /// restore failed, or a snapshot is in doubt.
    may_start_empty: bool = "may-start-empty", default "`false`", example "true";

    /// `false`, for a cache: it is made empty, never restored, and no backup is looked for.
    restore: bool = "restore", default "`true`", example "false";
}

/// The keys of `[preseed]` that a place has of its own. For what else is there, the service's hold.
const OF_PRESEED: [&str; 8] = [
    "tiers",
    "expect",
    "ignore",
    "ignore-extra",
    "skeleton",
    "verify",
    "paths",
    "on-partial",
];

fn is_of_dataset(key: &str) -> bool {
    key != "mountpoint" && key != "parent"
}

fn is_of_preseed(key: &str) -> bool {
    OF_PRESEED.contains(&key)
}

/// All keys of the table: its own, and those that mean the same as in other tables.
pub(crate) static ALL: LazyLock<Keys> = LazyLock::new(|| {
    let of_dataset = dataset::KEYS.names.iter().filter(|key| is_of_dataset(key));
    let names = KEYS.names.iter().chain(of_dataset).chain(&OF_PRESEED);
    Keys {
        header: KEYS.header,
        // Once in a process.
        names: names.copied().collect::<Vec<_>>().leak(),
        instead: &[(
            "unit",
            "a place has no units of its own: name them in [preseed]",
        )],
    }
});

/// What one file says of a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlaceKeys {
    pub(crate) own: Fragment,
    pub(crate) dataset: dataset::Fragment,
    pub(crate) preseed: preseed::Fragment,
}

impl PlaceKeys {
    fn over(self, lower: &Self, merge: Merge) -> Self {
        Self {
            own: self.own.over(&lower.own, merge),
            dataset: self.dataset.over(&lower.dataset, merge),
            preseed: self.preseed.over(&lower.preseed, merge),
        }
    }

    /// Each key, and where it is declared if it is.
    pub(crate) fn origins(&self) -> Vec<(&'static str, Option<Location>)> {
        let mut origins = self.own.origins();
        let of_dataset = self.dataset.origins().into_iter();
        origins.extend(of_dataset.filter(|(key, _)| is_of_dataset(key)));
        let of_preseed = self.preseed.origins().into_iter();
        origins.extend(of_preseed.filter(|(key, _)| is_of_preseed(key)));
        origins
    }
}

/// A place, as one file or several say it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: String,
    /// Where it is first declared.
    pub(crate) location: Location,
    /// What is said of it; `None`: its name or its table cannot be used, which is noted.
    pub(crate) said: Option<PlaceKeys>,
}

impl Place {
    /// Reads the tables `[place.NAME]` of a file.
    pub(crate) fn read_all(document: &mut Document<'_>, top: &Table<'_>) -> Vec<Self> {
        let named = top.tables(document, "place", &ALL);
        let places = named.iter().map(|named| Self::read(document, named));
        places.collect()
    }

    fn read(document: &mut Document<'_>, named: &Named<'_>) -> Self {
        let mut said = None;
        match (SharedName::of_table(named.name), &named.table) {
            (Err(invalid), _) => document.note(named.offset, invalid.what, invalid.help),
            (Ok(_), None) => document.note(
                named.offset,
                format!("{} is not a table", quoted(named.name)),
                "write its keys below a header of its own, e.g. [place.covers]",
            ),
            (Ok(_), Some(table)) => {
                table.note_unknown(document, &[&preseed::KEYS]);
                said = Some(PlaceKeys {
                    own: Fragment::read(document, table),
                    dataset: dataset::Fragment::read(document, &table.only(is_of_dataset)),
                    preseed: preseed::Fragment::read(document, &table.only(is_of_preseed)),
                });
            }
        }
        Self {
            name: named.name.to_owned(),
            location: document.location(named.offset),
            said,
        }
    }

    /// Puts the places of one file over those of another. New ones come last.
    pub(crate) fn put_over(upper: Vec<Self>, lower: &[Self], merge: Merge) -> Vec<Self> {
        let mut places: Vec<Self> = Vec::with_capacity(lower.len() + upper.len());
        for below in lower {
            let above = upper.iter().find(|place| place.name == below.name);
            let said = match (above.map(|place| &place.said), &below.said) {
                (Some(None), _) | (_, None) => None,
                (Some(Some(above)), Some(below)) => Some(above.clone().over(below, merge)),
                (None, Some(below)) => Some(PlaceKeys::default().over(below, merge)),
            };
            places.push(Self {
                name: below.name.clone(),
                location: merge.location.unwrap_or(below.location),
                said,
            });
        }
        for above in upper {
            if lower.iter().all(|below| below.name != above.name) {
                let said = above.said;
                places.push(Self {
                    said: said.map(|said| said.over(&PlaceKeys::default(), merge)),
                    ..above
                });
            }
        }
        places
    }
}

/// How a part of a service belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The service's name.
    pub service: String,
    /// The place's name: `covers` of `[place.covers]`.
    pub place: String,
    /// Where below the service's mountpoint it is mounted, if it is declared so; `None`: an absolute path is.
    pub below: Option<PathBuf>,
    /// Whether it is restored. A cache is not: it is made empty.
    pub restores: bool,
    /// Whether it may start empty.
    pub may_start_empty: bool,
}

/// Each key's value as it holds in the end, of a service that is a place.
pub(crate) fn outcome(
    settings: &dataset::Settings,
    preseed: &preseed::Preseed,
    part: &Part,
) -> Vec<(&'static str, Outcome)> {
    let mountpoint = part.below.as_deref().unwrap_or(&settings.mountpoint);
    let mut outcome = vec![
        ("mountpoint", Outcome::path(mountpoint)),
        ("may-start-empty", Outcome::Flag(part.may_start_empty)),
        ("restore", Outcome::Flag(part.restores)),
    ];
    let of_dataset = dataset::outcome(settings).into_iter();
    outcome.extend(of_dataset.filter(|(key, _)| is_of_dataset(key)));
    let of_preseed = preseed.outcome().into_iter();
    outcome.extend(of_preseed.filter(|(key, _)| is_of_preseed(key)));
    outcome
}

/// The table as the documentation shows it.
pub(crate) fn page() -> TableDoc {
    let mut page = documentation();
    let mut take = |keys: Vec<KeyDoc>, table: &str, takes: fn(&str) -> bool| {
        for key in keys.into_iter().filter(|key| takes(key.name)) {
            let default = match key.name {
                "name" => "`<parent>/<NAME>.<PLACE>`",
                "owner" | "group" | "mode" => "that of `[dataset]`",
                "tiers" | "on-partial" => "that of `[preseed]`",
                _ => key.default,
            };
            page.keys.push(KeyDoc {
                about: format!("As in `{table}`, for this place."),
                default,
                ..key
            });
        }
    };
    take(
        dataset::documentation().keys,
        dataset::KEYS.header,
        is_of_dataset,
    );
    take(
        preseed::documentation().keys,
        preseed::KEYS.header,
        is_of_preseed,
    );
    page
}

/// What a place says of `restore = false` and of what only a restore needs, at odds with each other: the key, and where.
pub(crate) fn needless(said: &PlaceKeys) -> Option<(&'static str, Location)> {
    let is_cache = matches!(&said.own.restore, Given::Value(at) if !at.value);
    if !is_cache {
        return None;
    }
    let needless = ["tiers", "expect", "verify", "paths", "may-start-empty"];
    let origins = said.origins().into_iter();
    let mut found = origins.filter(|(key, _)| needless.contains(key));
    found.find_map(|(key, location)| Some((key, location?)))
}
