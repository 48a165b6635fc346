//! What lies in a pool of services besides their data, and which command lets go of it.

use std::collections::BTreeMap;

use declaration::settings::Service;
use report::progress::bytes;
use report::words::typed;
use storage::pools::{InPool, What as Dataset};
use storage::{Error, Result, policy_snapshots};

use crate::record::Record;
use crate::targets::declared;

/// Something of a service's in a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The service; of what belongs to none that is declared, what it was.
    pub service: String,
    /// What it is.
    pub what: What,
    /// How much is free once it is gone; at least, of what somebody else holds.
    pub bytes: u64,
    /// What it is, in words that follow the number of bytes.
    pub text: String,
    /// What lets go of it, if a command does.
    pub command: Option<String>,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Snapshots of which nothing is pruned, since no newer one proves itself.
    Held,
    /// Snapshots that somebody else holds.
    HeldByOthers,
    /// What restores replaced.
    Kept,
    /// What restores have prepared.
    Staged,
    /// The same of drills.
    OfADrill,
    /// Snapshots that go by their policy.
    Snapshots,
}

impl What {
    /// Its name, for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::HeldByOthers => "held-by-others",
            Self::Kept => "kept",
            Self::Staged => "staged",
            Self::OfADrill => "drill",
            Self::Snapshots => "snapshots",
        }
    }
}

impl Item {
    /// All of it, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!("{}: {}", self.service, self.what_it_is())
    }

    /// The same, without whose it is.
    #[must_use]
    pub fn what_it_is(&self) -> String {
        let least = match self.what {
            What::HeldByOthers => "at least ",
            _ => "",
        };
        let how = self.command.as_ref();
        let how = how.map_or_else(String::new, |command| format!(" `{command}`"));
        format!("{least}{} {}{how}", bytes(self.bytes), self.text)
    }
}

/// What is noted of a service or a place, by its name.
pub(super) type Read<'r> = dyn Fn(&str) -> Result<Record> + 'r;

/// What these datasets are of services, the largest first, and what could not be told.
pub(super) fn of(
    datasets: &[InPool],
    services: &[Service],
    read: &Read<'_>,
) -> (Vec<Item>, Vec<Error>) {
    let by_name: BTreeMap<&str, &InPool> = datasets
        .iter()
        .map(|dataset| (dataset.name.as_str(), dataset))
        .collect();
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    for service in services {
        let name_of = |part: &Service| Some(part.storage.dataset()?.name.as_str().to_owned());
        let names: Vec<String> = service.parts().filter_map(name_of).collect();
        let in_place = names.iter().filter_map(|name| by_name.get(name.as_str()));
        let in_place: Vec<&InPool> = in_place.copied().collect();
        match Noted::of(service, read) {
            Ok(noted) => items.extend(snapshots(service, &in_place, &noted)),
            Err(error) => errors.push(error),
        }
        let beside = datasets.iter().filter(|other| names.contains(&other.of));
        let beside: Vec<&InPool> = beside.collect();
        items.extend(lying_beside(
            service,
            &beside,
            in_place.len() == names.len(),
        ));
    }
    items.extend(of_nobody(datasets, services));
    items.retain(|item| item.bytes > 0);
    items.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.service.cmp(&b.service)));
    (items, errors)
}

/// What is noted of a service's snapshots.
#[derive(Debug)]
struct Noted {
    /// Those that are held by us.
    held: Vec<String>,
    doubt: Doubt,
}

/// Why nothing of a service is pruned; what is harder to end last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doubt {
    /// There is no doubt.
    None,
    /// Its owner has accepted its data since.
    Accepted,
    /// Most of its data has vanished.
    Vanished,
    /// The same, and its backups are filed apart.
    Shrunk,
    /// Something else, which its owner was told.
    Other,
}

impl Doubt {
    fn of(record: &Record) -> Self {
        match (record.doubt, record.shrunk) {
            // What fails its checks, nobody can accept.
            _ if record.unproved.is_some() => Self::Other,
            (None, None) => Self::None,
            (None, Some(_)) => Self::Shrunk,
            (Some(_), Some(_)) if record.has_vanished => Self::Shrunk,
            (Some(_), None) if record.accepted => Self::Accepted,
            (Some(_), None) if record.has_vanished => Self::Vanished,
            (Some(_), _) => Self::Other,
        }
    }

    /// What ends it, in words that a command follows, and the command; `None`: there is none.
    fn end(self, name: &str) -> Option<(String, String)> {
        let vanished = |backup: &str| {
            (
                format!(
                    "most of the data has vanished; `preseedctl list {name}` shows what can be restored; if the data is right as \
                     it is, they go by their policy with"
                ),
                format!("preseedctl accept {name} && systemctl start{backup} storage-snapshots"),
            )
        };
        match self {
            Self::None => None,
            Self::Accepted => Some((
                "its owner has accepted its data, and they go by their policy with".to_owned(),
                "systemctl start storage-snapshots".to_owned(),
            )),
            Self::Vanished => Some(vanished("")),
            Self::Shrunk => Some(vanished(&format!(" backup-{name}"))),
            Self::Other => Some((
                "why, and what to do, says".to_owned(),
                format!("journalctl PRESEED_SERVICE={name}"),
            )),
        }
    }
}

impl Noted {
    fn of(service: &Service, read: &Read<'_>) -> Result<Self> {
        let mut noted = Self {
            held: Vec::new(),
            doubt: Doubt::None,
        };
        for part in service.parts() {
            let record = read(part.name.as_str())?;
            noted.doubt = noted.doubt.max(Doubt::of(&record));
            noted.held.extend(record.held.map(|held| held.snapshot));
        }
        Ok(noted)
    }

    /// Whether a snapshot is held by somebody else. A backup's own goes with it.
    fn is_others(&self, snapshot: &String) -> bool {
        !self.held.contains(snapshot) && !policy_snapshots::is_of_a_backup(snapshot)
    }
}

/// The snapshots of a service's datasets.
fn snapshots(service: &Service, in_place: &[&InPool], noted: &Noted) -> Vec<Item> {
    let name = service.name.as_str();
    let held = in_place.iter().flat_map(|dataset| &dataset.held);
    let others = held.filter(|(snapshot, _)| noted.is_others(snapshot));
    let by_others = Item {
        service: name.to_owned(),
        what: What::HeldByOthers,
        bytes: others.map(|(_, bytes)| bytes).sum(),
        text: "in snapshots that somebody else holds; who, and how to let go, says".to_owned(),
        command: Some(format!("preseedctl status {name}")),
    };
    let bytes = in_place.iter().map(|dataset| dataset.snapshots).sum();
    let is_ours = declared(service).is_some();
    let held = noted.doubt.end(name).filter(|_| is_ours);
    let own = match held {
        Some((end, command)) => Item {
            service: name.to_owned(),
            what: What::Held,
            bytes,
            text: format!(
                "in snapshots, of which nothing is pruned since no newer one has proved itself: {end}"
            ),
            command: Some(command),
        },
        None => by_their_rule(name, bytes, is_ours),
    };
    vec![own, by_others]
}

/// Snapshots of which nothing is held.
fn by_their_rule(name: &str, bytes: u64, is_ours: bool) -> Item {
    let rule = if is_ours {
        "by their policy"
    } else {
        "as whoever takes them has it"
    };
    Item {
        service: name.to_owned(),
        what: What::Snapshots,
        bytes,
        text: format!("in snapshots, which go {rule}"),
        command: None,
    }
}

/// What lies beside a service's datasets. `is_whole`: all of them are in their places.
fn lying_beside(service: &Service, beside: &[&InPool], is_whole: bool) -> Vec<Item> {
    let name = service.name.as_str();
    let kept = if is_whole {
        (
            "kept of restores, until its time is over or, if the service has all its data, by",
            format!("preseedctl release {name}"),
        )
    } else {
        (
            "kept of restores, and perhaps the only copy: it can be released once the service has its data again, by",
            format!("systemctl start preseed-{name}"),
        )
    };
    let all = [
        (Dataset::Kept, What::Kept, kept),
        (
            Dataset::Staged,
            What::Staged,
            (
                "of a restore that is at work or was interrupted, which goes on or is thrown away with",
                format!("systemctl start preseed-{name}"),
            ),
        ),
        (
            Dataset::OfADrill,
            What::OfADrill,
            (
                "of a drill that is at work or was interrupted, which is thrown away with",
                format!("preseedctl drill {name}"),
            ),
        ),
    ];
    let items = all.into_iter().map(|(is, what, (text, command))| Item {
        service: name.to_owned(),
        what,
        bytes: sum(beside.iter().filter(|dataset| dataset.what == is)),
        text: text.to_owned(),
        command: Some(command),
    });
    items.collect()
}

/// What is kept of services that are not declared any more.
fn of_nobody(datasets: &[InPool], services: &[Service]) -> Vec<Item> {
    let parts = || services.iter().flat_map(Service::parts);
    let places = || parts().filter_map(|part| part.storage.dataset());
    let is_declared = |of: &str| places().any(|place| place.name.as_str() == of);
    // Replicas are others' to look after.
    let is_beside = |of: &str| {
        let parent = of.rsplit_once('/').map(|(parent, _)| parent);
        places().any(|place| Some(place.parent.as_str()) == parent)
    };
    let kept = datasets.iter().filter(|dataset| {
        dataset.what == Dataset::Kept && !is_declared(&dataset.of) && is_beside(&dataset.of)
    });
    let items = kept.map(|dataset| Item {
        service: dataset.of.clone(),
        what: What::Kept,
        bytes: dataset.used,
        text: "kept of restores of a service that is not declared, until".to_owned(),
        command: Some(format!("preseedctl release {}", typed(&dataset.name))),
    });
    items.collect()
}

fn sum<'d>(datasets: impl Iterator<Item = &'d &'d InPool>) -> u64 {
    datasets.map(|dataset| dataset.used).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
