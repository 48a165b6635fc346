//! Datasets that restores replaced.

use std::collections::BTreeSet;

use super::{call, holds, kept_record, kinds, objset, properties};
use crate::holders::{self, Data, How};
use crate::kept::{self, Note};
use crate::namespaces::Machine;
use crate::replaced::entry::{InTheWay, KeptIn, Replaced};
use crate::{Error, Result};

/// The kept datasets directly below `container`, and those that could not be looked at. A dataset is one by its name and
/// by a property that was set on it: a copy that was received elsewhere is not.
pub(crate) fn list(container: &str, machine: &Machine) -> Result<(Vec<Replaced>, Vec<Error>)> {
    // The last is one that nobody can set: what somebody writes into the note is taken for no other line.
    let asked = [kinds::KEPT, "objsetid", "used", "guid"];
    let which = ["-d", "2", "-t", "filesystem,volume"];
    let list = || {
        let datasets = properties::table(&which, &asked, &[container], |_| true)?;
        Ok((!datasets.is_empty()).then_some(datasets))
    };
    let Some(datasets) = call::in_its_pool(container, list)? else {
        return Ok(Default::default());
    };
    let mut replaced = Vec::new();
    for (name, properties) in &datasets {
        let Some((parent, leaf)) = name.rsplit_once('/') else {
            continue;
        };
        let note = match properties.get(kinds::KEPT) {
            Some(note) if note.source == "local" && parent == container => Note::parse(&note.value),
            _ => continue,
        };
        let Some(of) = kept::leaf_of(leaf) else {
            continue;
        };
        let value = |property| properties.get(property).map(|told| told.value.as_str());
        let number = |property: &'static str| -> Result<u64> {
            let number = value(property).and_then(|number| number.parse().ok());
            number.ok_or_else(|| unreadable(name, property))
        };
        let guid = number("guid")?;
        // One of an earlier time is of no use: it may have been brought back since, and been replaced again.
        let known = kept_record::read(guid).filter(|known| known.at == note.at);
        let of = format!("{container}/{of}");
        let below = format!("{name}/");
        let child = datasets.keys().find(|other| other.starts_with(&below));
        replaced.push(Replaced {
            has_successor: datasets.contains_key(&of),
            of,
            is_known: known.is_some(),
            note: known.unwrap_or_else(|| note.begun_now()),
            bytes: number("used")?,
            snapshots: Vec::new(),
            kept_in: KeptIn::Dataset(
                guid,
                InTheWay {
                    child: child.map(ToString::to_string),
                    ..InTheWay::default()
                },
            ),
            in_use: in_use(name, value("objsetid"), machine),
            name: name.clone(),
        });
    }
    if !replaced.is_empty() {
        add_snapshots(&mut replaced)?;
    }
    Ok((replaced, Vec::new()))
}

/// Who has a dataset or a snapshot of it mounted, and what to do about it.
fn in_use(name: &str, objsetid: Option<&str>, machine: &Machine) -> Option<(String, String)> {
    let again = |help: &str| format!("{help}, then release again");
    let mut holders = holders::anybody(machine, &Data::Dataset(name));
    holders.extend(holders::anybody(machine, &Data::SnapshotsOf(name)));
    if let Some(first) = holders.first() {
        let help = match first.how {
            How::Host => format!("`zfs unmount {name}` or {}", first.help()),
            _ => first.help(),
        };
        let who = format!("it is mounted: {}", holders::in_words(&holders));
        return Some((who, again(&help)));
    }
    match objset::is_mounted_anywhere(name, objsetid) {
        Ok(false) => None,
        Ok(true) => Some((
            "it is mounted where no process shows it: a process stands in what was unmounted since, or a file keeps a mount namespace"
                .to_owned(),
            again("see `lsns -t mnt` and `lsof +L1`, end that"),
        )),
        Err(error) => Some((error.what().to_owned(), again(error.help()))),
    }
}

/// Finds the snapshots of each, and who needs them.
fn add_snapshots(replaced: &mut [Replaced]) -> Result<()> {
    let names: Vec<String> = replaced.iter().map(|one| one.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let columns = [
        "-d",
        "1",
        "-t",
        "snapshot,bookmark",
        "-s",
        "createtxg",
        "-o",
        "userrefs,clones,name",
    ];
    let told = call::zfs(&[&["list", "-H", "-p"], &columns[..], &names[..]].concat())?;
    let held = held_by_others(&told)?;
    for line in told.lines() {
        let columns: Vec<&str> = line.splitn(3, '\t').collect();
        let [_, clones, full] = columns[..] else {
            return Err(unreadable(line, "name"));
        };
        let Some(at) = full.find(['@', '#']) else {
            return Err(unreadable(line, "name"));
        };
        let (dataset, short) = (&full[..at], &full[at + 1..]);
        let Some(one) = replaced.iter_mut().find(|one| one.name == dataset) else {
            continue;
        };
        let KeptIn::Dataset(_, in_the_way) = &mut one.kept_in else {
            continue;
        };
        if full[at..].starts_with('#') {
            in_the_way.bookmark = Some(full.to_owned());
            continue;
        }
        one.snapshots.push(short.to_owned());
        if held.contains(full) {
            in_the_way.held = Some(full.to_owned());
        }
        if !matches!(clones, "" | "-") {
            in_the_way.cloned = Some((full.to_owned(), clones.to_owned()));
        }
    }
    Ok(())
}

/// Those of the listed snapshots that somebody else holds. Our own hold came along from what was replaced, and goes with it.
fn held_by_others(told: &str) -> Result<BTreeSet<String>> {
    let held = told.lines().filter_map(|line| {
        let mut columns = line.splitn(3, '\t');
        let (holds, name) = (columns.next()?, columns.nth(1)?);
        (name.contains('@') && holds != "0").then_some(name)
    });
    holds::held_by_others(&held.collect::<Vec<_>>())
}

fn unreadable(subject: &str, column: &str) -> Error {
    Error::internal(
        subject.escape_debug().to_string(),
        format!("`zfs` told no `{column}` that can be read"),
    )
}
