//! Datasets that restores replaced.

use super::{call, properties, swap};
use crate::kept::{self, Note};
use crate::replaced::{InTheWay, Place, Replaced};
use crate::{Error, Result};

/// The kept datasets directly below `container`. A dataset is one by its name and by a property that was set on it:
/// a copy that was received elsewhere is not.
pub(crate) fn list(container: &str) -> Result<Vec<Replaced>> {
    // The last is one that nobody can set: what somebody writes into the note is taken for no other line.
    let asked = [swap::KEPT, "mounted", "used"];
    let which = ["-d", "2", "-t", "filesystem,volume"];
    let datasets = properties::table(&which, &asked, &[container], |_| true)?;
    if datasets.is_empty() {
        call::pool_must_be_imported(container)?;
        return Ok(Vec::new());
    }
    let mut replaced = Vec::new();
    for (name, properties) in &datasets {
        let Some((parent, leaf)) = name.rsplit_once('/') else {
            continue;
        };
        let note = match properties.get(swap::KEPT) {
            Some(note) if note.source == "local" && parent == container => Note::parse(&note.value),
            _ => continue,
        };
        let Some(of) = kept::leaf_of(leaf) else {
            continue;
        };
        let value = |property| properties.get(property).map(|told| told.value.as_str());
        let of = format!("{container}/{of}");
        let below = format!("{name}/");
        let child = datasets.keys().find(|other| other.starts_with(&below));
        replaced.push(Replaced {
            has_successor: datasets.contains_key(&of),
            of,
            note,
            bytes: value("used")
                .and_then(|bytes| bytes.parse().ok())
                .ok_or_else(|| unreadable(name, "used"))?,
            snapshots: Vec::new(),
            place: Place::Dataset(InTheWay {
                mounted: value("mounted") == Some("yes"),
                child: child.map(ToString::to_string),
                ..InTheWay::default()
            }),
            name: name.clone(),
        });
    }
    if !replaced.is_empty() {
        add_snapshots(&mut replaced)?;
    }
    Ok(replaced)
}

/// Finds the snapshots of each, and who needs them.
fn add_snapshots(replaced: &mut [Replaced]) -> Result<()> {
    let names: Vec<String> = replaced.iter().map(|one| one.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let columns = [
        "-d",
        "1",
        "-t",
        "snapshot",
        "-s",
        "createtxg",
        "-o",
        "userrefs,clones,name",
    ];
    let told = call::zfs(&[&["list", "-H", "-p"], &columns[..], &names[..]].concat())?;
    for line in told.lines() {
        let columns: Vec<&str> = line.splitn(3, '\t').collect();
        let [holds, clones, full] = columns[..] else {
            return Err(unreadable(line, "name"));
        };
        let Some((dataset, short)) = full.split_once('@') else {
            return Err(unreadable(line, "name"));
        };
        let Some(one) = replaced.iter_mut().find(|one| one.name == dataset) else {
            continue;
        };
        one.snapshots.push(short.to_owned());
        if let Place::Dataset(in_the_way) = &mut one.place {
            if holds != "0" {
                in_the_way.held = Some(full.to_owned());
            }
            if !matches!(clones, "" | "-") {
                in_the_way.cloned = Some((full.to_owned(), clones.to_owned()));
            }
        }
    }
    Ok(())
}

/// Notes on a kept dataset when and why it was replaced.
pub(crate) fn write_note(name: &str, note: &Note) -> Result<()> {
    call::zfs(&["set", &format!("{}={note}", swap::KEPT), name]).map(drop)
}

/// Destroys a kept dataset and its snapshots. Never with -r, -R or -f: what else hangs on it makes `zfs` refuse.
pub(crate) fn destroy(name: &str, has_snapshots: bool) -> Result<()> {
    if has_snapshots {
        call::zfs(&["destroy", &format!("{name}@%")])?;
    }
    call::zfs(&["destroy", name]).map(drop)
}

fn unreadable(subject: &str, column: &str) -> Error {
    Error::new(
        subject.escape_debug().to_string(),
        format!("`zfs` told no `{column}` that can be read"),
        "report this as a bug",
    )
}
