//! `max-age`: past which age of its newest snapshot a tier comes last.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::document::{At, Document, Given};
use crate::table::{Keys, Table};
use crate::value::{TierName, TimeSpan};

static MAX_AGE: Keys = Keys {
    header: "[preseed.max-age]",
    names: &["rollback", "snapshot", "restic"],
    instead: &[],
};

pub(super) fn read(
    document: &mut Document<'_>,
    preseed: &Table<'_>,
) -> Given<BTreeMap<TierName, Duration>> {
    let At {
        value: table,
        place,
    } = match preseed.table(document, "max-age", &MAX_AGE) {
        Given::Value(at) => at,
        Given::No => return Given::No,
        Given::Unreadable => return Given::Unreadable,
    };
    let mut ages = BTreeMap::new();
    let mut is_whole = true;
    for tier in TierName::ALL {
        match table.text(document, tier.as_str()) {
            Given::Value(At { value, .. }) => {
                let TimeSpan(age) = value;
                ages.insert(tier, age);
            }
            Given::Unreadable => is_whole = false,
            Given::No => {}
        }
    }
    table.note_unknown(document, &[]);
    if !is_whole {
        return Given::Unreadable;
    }
    Given::Value(At { value: ages, place })
}
