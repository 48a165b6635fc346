//! `keep`: which backups of a service are kept; the others are forgotten.

use super::super::key::{Readable, keys};
use super::super::outcome::Outcome;
use crate::document::Document;
use crate::given::{At, Given};
use crate::table::Table;
use crate::value::Count;

/// The most that can be kept of one kind.
const MOST: usize = 10_000;

keys! {
    /// Which backups are kept, as restic's `forget` counts them. What none of these keeps is forgotten when the
    /// repository is looked after, but never what is held, and never more than half at once.
    table "[backup.keep]";

    /// The newest ones.
    last: Count<MOST> = "last", default "none", example "3";

    /// The newest of each of so many hours.
    hourly: Count<MOST> = "hourly", default "none", example "24";

    /// The newest of each of so many days.
    daily: Count<MOST> = "daily", default "none", example "14";

    /// The newest of each of so many weeks.
    weekly: Count<MOST> = "weekly", default "none", example "8";

    /// The newest of each of so many months.
    monthly: Count<MOST> = "monthly", default "none", example "12";

    /// The newest of each of so many years.
    yearly: Count<MOST> = "yearly", default "none", example "5";
}

/// Which backups are kept: what restic calls it, and how many. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep(pub Vec<(&'static str, usize)>);

impl Keep {
    /// As it is shown.
    pub(super) fn outcome(&self) -> Outcome {
        let kinds = self.0.iter();
        Outcome::Table(
            kinds
                .map(|(kind, count)| ((*kind).to_owned(), Outcome::Number(*count)))
                .collect(),
        )
    }
}

impl Readable for Keep {
    fn type_name() -> String {
        "table".to_owned()
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        let at = match table.table(document, key, &KEYS) {
            Given::Value(at) => at,
            Given::No => return Given::No,
            Given::Unreadable => return Given::Unreadable,
        };
        read(document, &at)
    }
}

fn read(document: &mut Document<'_>, at: &At<Table<'_>>) -> Given<Keep> {
    let (table, location, layer) = (&at.value, at.location, at.layer);
    let fragment = Fragment::read(document, table);
    table.note_unknown(document, &[]);
    let mut kinds = Vec::new();
    for (kind, given) in [
        ("last", fragment.last),
        ("hourly", fragment.hourly),
        ("daily", fragment.daily),
        ("weekly", fragment.weekly),
        ("monthly", fragment.monthly),
        ("yearly", fragment.yearly),
    ] {
        match given {
            Given::No => {}
            Given::Unreadable => return Given::Unreadable,
            Given::Value(At { value, .. }) => kinds.push((kind, value.0)),
        }
    }
    if kinds.is_empty() {
        document.note_at(
            location,
            "`keep` keeps nothing",
            "write how many are kept, e.g. { daily = 14, monthly = 12 }; leave `keep` out to forget nothing",
        );
        return Given::Unreadable;
    }
    Given::Value(At {
        value: Keep(kinds),
        location,
        layer,
    })
}
