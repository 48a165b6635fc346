//! A service's data that stands under another name than is declared: a dataset was renamed, or the declaration was.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::dataset::Zfs;
use super::listing::{Datasets, Value};
use super::{call, half_created, kinds, memory as pool_memory, properties};
use crate::kept;
use crate::mark::PROPERTY;
use crate::{Error, ErrorKind, Mark, MarkState, Result, memory};

/// What is asked of each dataset. The last is one that nobody can set.
const ASKED: [&str; 3] = [PROPERTY, kinds::KEPT, "guid"];

/// That no dataset of this machine holds this service's data, before a new and empty one is made for it.
///
/// # Errors
/// When one does, with both ways out, or when it cannot be told.
pub(super) fn must_not_hold_the_data(zfs: &Zfs<'_>) -> Result<()> {
    let own = pool_memory::pool_of(zfs.name());
    let mut datasets = Datasets::new();
    for pool in pool_memory::pools()? {
        // Whatever asks a suspended pool waits: another one's trouble is not this service's.
        if pool == own || !call::is_suspended(&pool) {
            let which = ["-r", "-t", "filesystem"];
            datasets.extend(properties::table(&which, &ASKED, &[&pool], |_| true)?);
        }
    }
    let mut candidates = datasets
        .iter()
        .filter_map(|(name, dataset)| Some((name.as_str(), seeded(name, dataset)?)))
        .peekable();
    if candidates.peek().is_none() {
        return Ok(());
    }
    let (given_up, own) = memory::given_up_and_own(zfs.service);
    for (name, (identity, mark)) in candidates {
        let is_its_own = match &mark.service {
            Some(service) => service == zfs.service.name.as_str(),
            None => own.contains(&identity),
        };
        if name != zfs.name() && is_its_own && Some(mark.at) > given_up && holds_something(name)? {
            return Err(stands_at(zfs, name, mark.at));
        }
    }
    Ok(())
}

/// The identity and the mark of a dataset that was seeded, is in its place, and is of nobody else.
fn seeded(name: &str, dataset: &BTreeMap<String, Value>) -> Option<(String, Mark)> {
    // One that was inherited or received is another dataset's.
    let local = |property| {
        let told = dataset.get(property)?;
        (told.source == "local").then_some(told.value.as_str())
    };
    if local(kinds::KEPT).is_some() || kept::is_not_in_place(name) || pool_memory::is_ours(name) {
        return None;
    }
    let identity = format!("guid:{}", dataset.get("guid")?.value);
    match Mark::read(local(PROPERTY)?, &identity) {
        MarkState::Ours(mark) if mark.is_seeded() => Some((identity, mark)),
        _ => None,
    }
}

/// Whether a dataset holds something. One that cannot be looked into may.
fn holds_something(name: &str) -> Result<bool> {
    let Some(found) = properties::get(name)? else {
        return Ok(false);
    };
    Ok(!half_created::holds_nothing(&found).unwrap_or(false))
}

fn stands_at(zfs: &Zfs<'_>, other: &str, since: Timestamp) -> Error {
    let (name, service) = (zfs.name(), zfs.service.name.as_str());
    let same_pool = pool_memory::pool_of(name) == pool_memory::pool_of(other);
    let back = if same_pool {
        format!("bring it back with `zfs rename {other} {name}`")
    } else {
        format!(
            "declare name = \"{other}\" in [dataset] of {}",
            zfs.service.source.display()
        )
    };
    Error::new(
        name,
        format!("it is not there, and {other} holds data of the service {service} (since {since})"),
        format!(
            "{back}; or, if that is not wanted any more, give it up with `preseedctl forget {service}`, which leaves it where it is; \
             then start the service again"
        ),
    ).of_kind(ErrorKind::InDoubt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(name: &str, (source, mark): (&str, &str), kept: (&str, &str)) -> bool {
        let value = |(source, value): (&str, &str)| Value {
            source: source.to_owned(),
            value: value.to_owned(),
        };
        let told = [
            (PROPERTY, (source, mark)),
            (kinds::KEPT, kept),
            ("guid", ("-", "7")),
        ];
        let dataset = told.map(|(property, told)| (property.to_owned(), value(told)));
        seeded(name, &BTreeMap::from(dataset)).is_some()
    }

    #[test]
    fn only_a_seeded_dataset_that_is_in_its_place_counts() {
        let mark = "seeded of=guid:7 by=restic at=2026-01-01T00:00:00Z service=a from=x";
        assert!(is_found("tank/a", ("local", mark), ("-", "-")));
        for (name, source, mark) in [
            ("tank/a", "received", mark),
            ("tank/a", "inherited from tank", mark),
            (
                "tank/a:preseed-kept-20260101T000000Z-before-restic",
                "local",
                mark,
            ),
            ("tank/a:preseed-staging", "local", mark),
            (
                "tank/a",
                "local",
                "staged of=guid:7 by=restic at=2026-01-01T00:00:00Z from=x",
            ),
            (
                "tank/a",
                "local",
                "seeded of=guid:8 by=restic at=2026-01-01T00:00:00Z from=x",
            ),
            ("tank/a", "local", "seeded"),
            ("tank/a", "local", ""),
        ] {
            let found = is_found(name, (source, mark), ("-", "-"));
            assert!(!found, "{name} {source} {mark}");
        }
        let note = "at=2026-01-01T00:00:00Z why=x from=";
        assert!(!is_found("tank/a", ("local", mark), ("local", note)));
    }
}
