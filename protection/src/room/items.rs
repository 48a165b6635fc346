//! What lies in a pool of services besides their data, and which command lets go of it.

use std::collections::BTreeMap;

use declaration::settings::Service;
use report::progress::bytes;
use report::words::typed;
use storage::pools::{InPool, What as Dataset};
use storage::{Error, Result, policy_snapshots};

use crate::record::Record;
use crate::snapshots::declared;

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
            "kept of restores, until its time is over or by",
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::Timestamp;
    use storage::Snapshot;
    use storage::extent::Extent;

    use super::*;
    use crate::record::Good;

    /// `app` with a place, of which preseed takes the snapshots, and `other`, of which somebody else does.
    fn services() -> Vec<Service> {
        let policed = "[snapshots]\npolicy = \"services\"\n[place.db]\nmountpoint = \"db\"\n";
        let host = "[storage]\nparent = \"tank/services\"\n";
        let service = |name, text| declared::service(name, Some(host), text).unwrap();
        vec![service("app", policed), service("other", "[preseed]\n")]
    }

    fn dataset(leaf: &str, what: Dataset, of: &str, used: u64, snapshots: u64) -> InPool {
        InPool {
            name: format!("tank/services/{leaf}"),
            what,
            of: format!("tank/services/{of}"),
            used,
            snapshots,
            held: Vec::new(),
        }
    }

    fn in_place(leaf: &str, snapshots: u64) -> InPool {
        dataset(leaf, Dataset::InPlace, leaf, 1000 + snapshots, snapshots)
    }

    /// What is told of these, with this record of `app`; each with its bytes.
    fn items(datasets: &[InPool], record: &Record) -> Vec<(What, u64, String)> {
        let read = |name: &str| match name {
            "app" => Ok(record.clone()),
            _ => Ok(Record::default()),
        };
        let (items, errors) = of(datasets, &services(), &read);
        assert!(errors.is_empty(), "{errors:?}");
        let told = items.into_iter();
        told.map(|item| (item.what, item.bytes, item.in_words()))
            .collect()
    }

    fn in_doubt() -> Record {
        Record {
            doubt: Some(Timestamp::UNIX_EPOCH),
            ..Record::default()
        }
    }

    #[test]
    fn what_is_held_names_the_command_that_lets_it_go() {
        let datasets = [
            in_place("app", 300),
            in_place("app.db", 50),
            in_place("other", 20),
        ];
        let first = |record: Record| {
            let all = items(&datasets, &record);
            assert_eq!(all.len(), 2, "{all:?}");
            assert_eq!((all[1].0, all[1].1), (What::Snapshots, 20));
            all.into_iter().next().unwrap()
        };
        let sound = first(Record::default());
        assert_eq!((sound.0, sound.1), (What::Snapshots, 350));
        for (record, command) in [
            (in_doubt(), "`journalctl PRESEED_SERVICE=app`"),
            (
                Record {
                    unproved: Some(Timestamp::UNIX_EPOCH),
                    shrunk: Some(Timestamp::UNIX_EPOCH),
                    ..Record::default()
                },
                "`journalctl PRESEED_SERVICE=app`",
            ),
            (
                Record {
                    has_vanished: true,
                    ..in_doubt()
                },
                "`preseedctl accept app && systemctl start storage-snapshots`",
            ),
            (
                Record {
                    shrunk: Some(Timestamp::UNIX_EPOCH),
                    ..Record::default()
                },
                "`preseedctl accept app && systemctl start backup-app storage-snapshots`",
            ),
            (
                Record {
                    accepted: true,
                    has_vanished: true,
                    ..in_doubt()
                },
                "by their policy with `systemctl start storage-snapshots`",
            ),
        ] {
            let (what, bytes, words) = first(record);
            assert_eq!((what, bytes), (What::Held, 350), "{words}");
            assert!(
                words.starts_with("app: 350 B in snapshots, of which nothing is pruned"),
                "{words}"
            );
            assert!(words.ends_with(command), "{words}");
        }
    }

    #[test]
    fn what_lies_beside_a_service_is_its_own() {
        let mut datasets = vec![
            in_place("app", 0),
            in_place("app.db", 0),
            in_place("other", 0),
            dataset("app:preseed-kept-1", Dataset::Kept, "app", 70, 0),
            dataset("app.db:preseed-kept-1", Dataset::Kept, "app.db", 7, 0),
            dataset("app:preseed-staging", Dataset::Staged, "app", 60, 0),
            dataset("app:preseed-drill", Dataset::OfADrill, "app", 50, 0),
            dataset("old one:preseed-kept-1", Dataset::Kept, "old one", 40, 0),
            // Somebody else's.
            in_place("stranger", 99),
            dataset(
                "stranger:preseed-staging",
                Dataset::Staged,
                "stranger",
                99,
                0,
            ),
        ];
        let told = |datasets: &[InPool]| {
            let all = items(datasets, &Record::default()).into_iter();
            all.map(|(_, _, words)| words).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&datasets),
            [
                "app: 77 B kept of restores, until its time is over or by `preseedctl release app`",
                "app: 60 B of a restore that is at work or was interrupted, which goes on or is thrown away with \
                 `systemctl start preseed-app`",
                "app: 50 B of a drill that is at work or was interrupted, which is thrown away with `preseedctl drill app`",
                "tank/services/old one: 40 B kept of restores of a service that is not declared, until \
                 `preseedctl release 'tank/services/old one:preseed-kept-1'`",
            ]
        );
        // It may be the only copy of one of its parts.
        datasets.remove(1);
        let told = told(&datasets);
        assert!(told[0].contains("the only copy"), "{}", told[0]);
        assert!(
            told[0].ends_with("`systemctl start preseed-app`"),
            "{}",
            told[0]
        );
    }

    #[test]
    fn a_hold_of_somebody_elses_is_told_from_ours() {
        let mut app = in_place("app", 300);
        let held = |name: &str, bytes| (format!("tank/services/app@{name}"), bytes);
        app.held = vec![held("ours", 10), held("theirs", 20), held("mine", 5)];
        let ours = Snapshot {
            name: "tank/services/app@ours".to_owned(),
            taken: Timestamp::UNIX_EPOCH,
            bytes: 0,
        };
        let record = Record {
            held: Some(Good::new(None, &ours, Extent::default())),
            ..Record::default()
        };
        let told = items(&[app, in_place("app.db", 0)], &record);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!((told[1].0, told[1].1), (What::HeldByOthers, 25));
        assert!(told[1].2.starts_with("app: at least 25 B"), "{}", told[1].2);
        assert!(
            told[1].2.ends_with("`preseedctl status app`"),
            "{}",
            told[1].2
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_hides_no_other_service() {
        let read = |name: &str| match name {
            "app" => Err(Error::new("app.json", "it cannot be read", "look")),
            _ => Ok(Record::default()),
        };
        let datasets = [in_place("app", 300), in_place("other", 20)];
        let (items, errors) = of(&datasets, &services(), &read);
        assert_eq!((items.len(), errors.len()), (1, 1));
        assert_eq!(items[0].service, "other");
    }
}
