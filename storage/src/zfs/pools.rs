//! How full pools are, and what lies in them: read from listings that are asked for anyway.

use std::collections::{BTreeMap, BTreeSet};

use super::properties::Properties;
use super::{call, kinds};
use crate::kept;
use crate::pools::{Fill, InPool, What};
use crate::{Error, ErrorKind, Result};

/// What is asked of a dataset besides what always is. The numbers are ZFS's own.
pub(super) const ASKED: [&str; 2] = ["used", "usedbysnapshots"];

/// The columns of `zpool list` that say how full a pool is.
const COLUMNS: &str = "name,health,size,allocated,capacity";

/// The pools that are imported, each with how full it is.
pub(super) type Imported = BTreeMap<String, Result<Fill>>;

/// The pools that are imported, asked for `subject`.
///
/// # Errors
/// When they cannot be told.
pub(super) fn imported(subject: &str) -> Result<Imported> {
    let listed = call::list_pools(subject, COLUMNS)?;
    Ok(listed.lines().map(fill).collect())
}

/// A line of `zpool list`. What is no number is none.
fn fill(line: &str) -> (String, Result<Fill>) {
    let columns: Vec<&str> = line.split('\t').collect();
    let name = columns.first().copied().unwrap_or_default();
    let number = |at: usize| {
        let told: Option<&&str> = columns.get(at);
        told.and_then(|told| told.trim_end_matches('%').parse().ok())
    };
    let fill = match (columns.get(1), number(2), number(3), number(4)) {
        (Some(&"SUSPENDED"), ..) => Err(call::suspended(name)),
        (_, Some(size), Some(allocated), Some(percent)) if size > 0 => Ok(Fill {
            size,
            allocated,
            percent,
        }),
        (health, ..) => Err(Error::new(
            name,
            format!(
                "how full the pool is cannot be told: it is {}",
                health.unwrap_or(&"in a state that is not known")
            ),
            format!("see `zpool status {name}`"),
        )
        .of_kind(ErrorKind::Unreadable)),
    };
    (name.to_owned(), fill)
}

/// What lies directly below these datasets. `held`: the held snapshots of each dataset.
pub(super) fn lying_below(
    containers: &BTreeSet<&str>,
    told: &BTreeMap<String, Properties>,
    held: &BTreeMap<String, Vec<(String, u64)>>,
) -> Result<Vec<InPool>> {
    let mut all = Vec::new();
    for (name, properties) in told {
        let Some((parent, leaf)) = name.rsplit_once('/') else {
            continue;
        };
        if !containers.contains(parent) {
            continue;
        }
        let number = |property: &str| {
            let number = properties.value(property).unwrap_or("0").parse::<u64>();
            number.map_err(|_| Error::internal(name, format!("`zfs` told no `{property}`")))
        };
        // A copy of what is kept, as a replica of it, is nobody's to release.
        let (what, of) = match what(leaf) {
            (What::Kept, _) if !properties.is_local(kinds::KEPT) => (What::InPlace, leaf),
            known => known,
        };
        let held = held.get(name).filter(|_| what == What::InPlace);
        all.push(InPool {
            name: name.clone(),
            what,
            of: format!("{parent}/{of}"),
            used: number("used")?,
            snapshots: number("usedbysnapshots")?,
            held: held.cloned().unwrap_or_default(),
        });
    }
    Ok(all)
}

/// What the last component of a dataset's name says that it is, and of what.
fn what(leaf: &str) -> (What, &str) {
    if let Some(of) = kept::leaf_of(leaf) {
        return (What::Kept, of);
    }
    let of = leaf.split_once(":preseed-").map_or(leaf, |(of, _)| of);
    let is = |name: fn(&str) -> String| name(of) == leaf;
    if is(kept::staging) || is(kept::check) {
        (What::Staged, of)
    } else if is(kept::drill) || is(kept::drill_check) {
        (What::OfADrill, of)
    } else {
        (What::InPlace, leaf)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_pool_that_does_not_say_how_full_it_is_is_never_empty() {
        let told = |line: &str| fill(&line.replace(' ', "\t"));
        let (name, full) = told("tank ONLINE 1000 951 95");
        assert_eq!(name, "tank");
        let expected = Fill {
            size: 1000,
            allocated: 951,
            percent: 95,
        };
        assert_eq!(full.unwrap(), expected);
        assert_eq!(told("tank DEGRADED 10 9 90%").1.unwrap().percent, 90);
        for (line, kind) in [
            ("tank SUSPENDED 1000 951 95", ErrorKind::Suspended),
            ("tank FAULTED - - -", ErrorKind::Unreadable),
            ("tank ONLINE 0 0 0", ErrorKind::Unreadable),
            ("tank ONLINE 1000 951", ErrorKind::Unreadable),
            ("tank", ErrorKind::Unreadable),
        ] {
            let (name, full) = told(line);
            assert_eq!((name.as_str(), full.unwrap_err().kind()), ("tank", kind));
        }
    }

    #[test]
    fn what_lies_beside_a_dataset_is_told_by_its_name() {
        for (leaf, expected) in [
            ("app", (What::InPlace, "app")),
            ("app.db", (What::InPlace, "app.db")),
            ("app:preseed-staging", (What::Staged, "app")),
            ("app:preseed-check", (What::Staged, "app")),
            ("app:preseed-drill", (What::OfADrill, "app")),
            ("app:preseed-drill-check", (What::OfADrill, "app")),
            ("app:preseed-kept-2026-why", (What::Kept, "app")),
            ("my app:preseed-kept-2026", (What::Kept, "my app")),
            // Of whom nobody knows.
            (":preseed-kept-2026", (What::InPlace, ":preseed-kept-2026")),
            ("app:preseed-mine", (What::InPlace, "app:preseed-mine")),
            ("app:mine", (What::InPlace, "app:mine")),
        ] {
            assert_eq!(what(leaf), expected);
        }
    }
}
