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
            "app: 77 B kept of restores, until its time is over or, if the service has all its data, by `preseedctl release app`",
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
