//! What is to be remembered of a service as it is now.

use declaration::settings::{self, Service};
use declaration::value::TierName;

use super::record::{Record, What};
use crate::mark::now;
use crate::zfs::memory::{self as pool, Replacement};
use crate::{MarkState, shown};

/// The pool that remembers a service.
pub(super) fn pool_of(service: &Service) -> Option<&str> {
    match &service.storage {
        settings::Storage::Zfs(dataset) => Some(pool::pool_of(dataset.name.as_str())),
        settings::Storage::Directory => None,
    }
}

/// What is to be remembered of a service, whose storage has this identity and mark.
pub(super) fn record_of(
    service: &Service,
    what: What,
    identity: String,
    mark: MarkState,
) -> Record {
    let (since, by) = match mark {
        MarkState::Ours(mark) => (mark.at, mark.by),
        MarkState::None | MarkState::Foreign(_) => (now(), String::new()),
    };
    Record {
        what,
        at: now(),
        since,
        machine: machine_id(),
        identity,
        dataset: match &service.storage {
            settings::Storage::Zfs(dataset) => dataset.name.as_str().to_owned(),
            settings::Storage::Directory => String::new(),
        },
        place: service.mountpoint.value.clone(),
        by,
        sources: sources(service),
        pool: pool_of(service).unwrap_or_default().to_owned(),
    }
}

/// The record of data in what was started empty; `None` if that is not what a record says.
pub(super) fn with_data_since_it_was_empty(known: &Record) -> Option<Record> {
    matches!(known.what, What::StartedEmpty(_)).then(|| Record {
        what: What::Data,
        ..known.clone()
    })
}

/// Lets a pool remember a record in place of the one that the file remembers as well: mostly that is what it holds, or it
/// holds nothing. `None`: no pool can.
pub(super) fn in_place_of(
    pool: &str,
    name: &str,
    record: &Record,
    known: Option<&Record>,
) -> Option<Replacement> {
    let same = known.filter(|known| known.pool == pool).map(Record::line);
    pool::replacement(pool, name, same.as_deref(), &record.line())
}

/// What could restore a service's data, in words.
pub(super) fn sources(service: &Service) -> String {
    let mut sources = Vec::new();
    for tier in &service.tiers {
        match tier {
            TierName::Rollback => sources.push("rollback".to_owned()),
            TierName::Snapshot => {
                sources.push("snapshot".to_owned());
                let replicas = service.replicas.iter();
                sources.extend(replicas.map(|replica| format!("replica {}", replica.dataset)));
            }
            TierName::Restic => sources.extend(service.backup.as_ref().map(|backup| {
                format!(
                    "restic {} (host {}, path {}, tags {})",
                    backup.repository.name,
                    backup.host.as_deref().unwrap_or("this one"),
                    shown(&backup.path),
                    backup.tags.join(",")
                )
            })),
        }
    }
    sources.join(", ")
}

/// This machine's id (machine-id(5)); empty where it has none.
pub(super) fn machine_id() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id = id.trim();
    let is_one = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one { id.to_owned() } else { String::new() }
}
