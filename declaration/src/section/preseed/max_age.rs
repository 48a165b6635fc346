//! `max-age`: past which age of its newest snapshot a tier comes last.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::key::{Readable, keys};
use super::super::outcome::Outcome;
use crate::document::Document;
use crate::given::{At, Given};
use crate::table::Table;
use crate::value::{TierName, TimeSpan};

keys! {
    /// A tier whose newest snapshot is older than this is asked last. Times are written as in systemd.time(7).
    table "[preseed.max-age]";

    /// For the newest local snapshot.
    rollback: TimeSpan = "rollback", default "none", example "\"7d\"";

    /// For the newest local snapshot that is cloned, and for the newest of a replica.
    snapshot: TimeSpan = "snapshot", default "none", example "\"2d\"";

    /// For the newest snapshot in the restic repository.
    restic: TimeSpan = "restic", default "none", example "\"30d\"";
}

/// How old the newest snapshot of a tier may be.
pub(crate) type MaxAge = BTreeMap<TierName, Duration>;

/// As it is shown.
pub(super) fn outcome(ages: &MaxAge) -> Outcome {
    if ages.is_empty() {
        return Outcome::Nothing;
    }
    let ages = ages.iter();
    Outcome::Table(
        ages.map(|(tier, age)| (tier.as_str().to_owned(), Outcome::span(*age)))
            .collect(),
    )
}

impl Readable for MaxAge {
    fn type_name() -> String {
        "table".to_owned()
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        read(document, table, key)
    }
}

fn read(document: &mut Document<'_>, preseed: &Table<'_>, key: &str) -> Given<MaxAge> {
    let At {
        value: table,
        location,
        layer,
    } = match preseed.table(document, key, &KEYS) {
        Given::Value(at) => at,
        Given::No => return Given::No,
        Given::Unreadable => return Given::Unreadable,
    };
    let Fragment {
        rollback,
        snapshot,
        restic,
    } = Fragment::read(document, &table);
    let mut ages = BTreeMap::new();
    let mut is_whole = true;
    for (tier, age) in [
        (TierName::Rollback, rollback),
        (TierName::Snapshot, snapshot),
        (TierName::Restic, restic),
    ] {
        is_whole &= !matches!(age, Given::Unreadable);
        ages.extend(age.value().map(|TimeSpan(age)| (tier, age)));
    }
    table.note_unknown(document, &[]);
    if !is_whole {
        return Given::Unreadable;
    }
    Given::Value(At {
        value: ages,
        location,
        layer,
    })
}
