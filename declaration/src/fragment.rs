//! What one file of a service says: every key optional, with its location.

use std::path::Path;

use crate::document::Document;
use crate::given::{At, Given, Merge};
use crate::layer::Layer;
use crate::location::Location;
use crate::problem::Problem;
use crate::section::key::TableFragment as _;
use crate::section::place::Place;
use crate::section::{backup, dataset, drill, preseed, promise, snapshots, top, user};
use crate::table::{Keys, Table};
use crate::value::UnitName;

/// What a service's file, or a template, says.
#[derive(Debug, Default)]
pub(crate) struct Fragment {
    pub(crate) top: top::Fragment,
    pub(crate) user: user::Fragment,
    /// Where `[user]` is, and who says it, if it is there.
    pub(crate) user_table: Option<At<()>>,
    pub(crate) dataset: dataset::Fragment,
    pub(crate) preseed: preseed::Fragment,
    pub(crate) snapshots: snapshots::Fragment,
    pub(crate) backup: backup::Fragment,
    pub(crate) promise: promise::Fragment,
    pub(crate) drill: drill::Fragment,
    pub(crate) places: Vec<Place>,
    /// Where `[backup]` is, if it is there.
    pub(crate) backup_location: Option<Location>,
    /// The units that could be read, if `unit` is unreadable.
    pub(crate) salvaged: Vec<UnitName>,
    /// Whether the whole file could be parsed: else a key that is not given may be in what could not.
    pub(crate) whole: bool,
}

impl Fragment {
    /// Reads the text of `file` (absolute, without `PRESEED_ROOT`), and what is wrong with it. `number`: which of a
    /// service's files it is.
    pub(crate) fn read(file: &Path, text: &str, layer: Layer, number: u16) -> (Self, Vec<Problem>) {
        let mut document = Document::new(file, text, layer).numbered(number);
        let fragment = Self::read_from(&mut document, number);
        (fragment, document.into_problems())
    }

    fn read_from(document: &mut Document<'_>, number: u16) -> Self {
        let is_template = document.layer == Layer::Template;
        let (entries, mut whole) = document.parse();
        if whole && entries.is_empty() {
            note_empty(document, is_template, number > 0);
            // What it said is not known.
            whole = false;
        }
        let keys = top::keys(is_template);
        let top = Table::new(&entries, keys);
        let elsewhere = tables(keys);
        let mut fragment = Self {
            whole,
            ..Self::default()
        };
        if !is_template {
            fragment.top = top::Fragment::read(document, &top);
        }
        let mut table = |key, keys| match top.table(document, key, keys) {
            Given::Value(at) => Some(at),
            Given::No => None,
            Given::Unreadable => {
                fragment.whole = false;
                None
            }
        };
        let user = table("user", &user::KEYS);
        let dataset = table("dataset", &dataset::KEYS);
        let preseed = table("preseed", &preseed::KEYS);
        let snapshots = table("snapshots", &snapshots::KEYS);
        let backup = table("backup", &backup::KEYS);
        let promise = table("promise", &promise::KEYS);
        let drill = table("drill", &drill::KEYS);
        let mut reader = Reader {
            document,
            elsewhere: &elsewhere,
        };

        fragment.user = reader.read(user.as_ref(), user::Fragment::read);
        fragment.user_table = user.map(|at| at.map(|_| ()));
        fragment.dataset = reader.read(dataset.as_ref(), dataset::Fragment::read);
        fragment.preseed = reader.read(preseed.as_ref(), preseed::Fragment::read);
        if let (Some(at), Given::Unreadable) = (&preseed, &fragment.preseed.units) {
            fragment.salvaged = at.value.readable("unit");
        }
        fragment.snapshots = reader.read(snapshots.as_ref(), snapshots::Fragment::read);
        fragment.backup_location = backup.as_ref().map(|at| at.location);
        fragment.backup = reader.read(backup.as_ref(), backup::Fragment::read);
        fragment.promise = reader.read(promise.as_ref(), promise::Fragment::read);
        fragment.drill = reader.read(drill.as_ref(), drill::Fragment::read);
        fragment.places = Place::read_all(document, &top);
        top.note_unknown(document, &elsewhere);
        fragment
    }

    /// Puts it over a template.
    ///
    /// What comes from the template is said to be declared at `location`, that of the service's `template` key: that
    /// is what the service's author wrote.
    pub(crate) fn over_template(self, template: &Self, location: Location) -> Self {
        let backup_location = self.backup_location;
        Self {
            backup_location,
            ..self.over(template, Some(location))
        }
    }

    /// Puts it over the declaration that it changes, or over other fragments of it.
    ///
    /// If it could not be read, the units of both are kept down: which of them it means is not known.
    pub(crate) fn over_declaration(self, lower: &Self) -> Self {
        let mut salvaged = self.salvaged.clone();
        if !self.whole {
            salvaged.extend(self.declared_units());
            salvaged.extend(lower.declared_units());
            salvaged.extend(lower.salvaged.iter().cloned());
        } else if !matches!(self.preseed.units, Given::Value(_)) {
            salvaged.extend(salvage(&self, lower));
        }
        Self {
            salvaged,
            ..self.over(lower, None)
        }
    }

    /// The units that it declares.
    fn declared_units(&self) -> Vec<UnitName> {
        match &self.preseed.units {
            Given::Value(units) => units.value.0.iter().map(|at| at.value.clone()).collect(),
            Given::No | Given::Unreadable => Vec::new(),
        }
    }

    fn over(self, lower: &Self, location: Option<Location>) -> Self {
        let merge = Merge {
            location,
            upper_is_whole: self.whole,
            both_are_whole: self.whole && lower.whole,
        };
        let salvaged = if self.salvaged.is_empty() {
            salvage(&self, lower)
        } else {
            self.salvaged
        };
        Self {
            top: self.top.over(&lower.top, merge),
            user: self.user.over(&lower.user, merge),
            user_table: self.user_table.or_else(|| {
                let lower = lower.user_table.as_ref()?;
                Some(At {
                    location: location.unwrap_or(lower.location),
                    ..*lower
                })
            }),
            dataset: self.dataset.over(&lower.dataset, merge),
            preseed: self.preseed.over(&lower.preseed, merge),
            snapshots: self.snapshots.over(&lower.snapshots, merge),
            backup: self.backup.over(&lower.backup, merge),
            promise: self.promise.over(&lower.promise, merge),
            drill: self.drill.over(&lower.drill, merge),
            places: Place::put_over(self.places, &lower.places, merge),
            backup_location: self.backup_location.or(lower.backup_location),
            salvaged,
            whole: merge.both_are_whole,
        }
    }
}

/// Reads the tables of a file.
struct Reader<'r, 'd> {
    document: &'r mut Document<'d>,
    elsewhere: &'r [&'static Keys],
}

impl Reader<'_, '_> {
    /// What a table says, if it is there. Keys that it does not know are noted.
    fn read<F: Default>(
        &mut self,
        table: Option<&At<Table<'_>>>,
        read: impl Fn(&mut Document<'_>, &Table<'_>) -> F,
    ) -> F {
        let Some(At { value: table, .. }) = table else {
            return F::default();
        };
        let fragment = read(self.document, table);
        table.note_unknown(self.document, self.elsewhere);
        fragment
    }
}

/// The keys of all tables, those of the top level first: one that stands in the wrong table is told where it belongs.
fn tables(top: &'static Keys) -> [&'static Keys; 8] {
    [
        top,
        &user::KEYS,
        &dataset::KEYS,
        &preseed::KEYS,
        &snapshots::KEYS,
        &backup::KEYS,
        &promise::KEYS,
        &drill::KEYS,
    ]
}

fn note_empty(document: &mut Document<'_>, is_template: bool, is_fragment: bool) {
    let (what, help) = if is_template {
        ("the template is empty", "write it anew or remove it")
    } else if is_fragment {
        ("the fragment is empty", "write it anew or remove it")
    } else {
        (
            "the declaration is empty",
            "write it anew; for a service that needs nothing but the defaults, write [preseed]; for none, remove the file",
        )
    };
    document.note(
        0,
        format!("{what}, as a power cut leaves a file that was just written"),
        help,
    );
}

/// The lower file's units, if those of the upper one are needed and could not be read.
fn salvage(upper: &Fragment, lower: &Fragment) -> Vec<UnitName> {
    match (&upper.preseed.units, &lower.preseed.units) {
        (Given::Value(_), _) => Vec::new(),
        (Given::No, Given::Value(_)) if upper.whole => Vec::new(),
        (_, Given::Value(_)) => lower.declared_units(),
        _ => lower.salvaged.clone(),
    }
}
