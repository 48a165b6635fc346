//! Datasets that restores replaced.

use super::{call, half_created, inspect, kinds, objset, program, properties};
use crate::holders::{self, Data, How};
use crate::kept::{self, Note};
use crate::namespaces::Machine;
use crate::replaced::{InTheWay, KeptIn, Replaced};
use crate::{Error, ErrorKind, Result};

/// The kept datasets directly below `container`, and those that could not be looked at. A dataset is one by its name and
/// by a property that was set on it: a copy that was received elsewhere is not.
pub(crate) fn list(container: &str, machine: &Machine) -> Result<(Vec<Replaced>, Vec<Error>)> {
    // The last is one that nobody can set: what somebody writes into the note is taken for no other line.
    let asked = [kinds::KEPT, "objsetid", "used", "guid"];
    let which = ["-d", "2", "-t", "filesystem,volume"];
    let datasets = properties::table(&which, &asked, &[container], |_| true)?;
    if datasets.is_empty() {
        call::pool_must_be_imported(container)?;
        return Ok(Default::default());
    }
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
        let of = format!("{container}/{of}");
        let below = format!("{name}/");
        let child = datasets.keys().find(|other| other.starts_with(&below));
        replaced.push(Replaced {
            has_successor: datasets.contains_key(&of),
            of,
            note,
            bytes: number("used")?,
            snapshots: Vec::new(),
            kept_in: KeptIn::Dataset(
                number("guid")?,
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
    for line in told.lines() {
        let columns: Vec<&str> = line.splitn(3, '\t').collect();
        let [holds, clones, full] = columns[..] else {
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
        if holds != "0" {
            in_the_way.held = Some(full.to_owned());
        }
        if !matches!(clones, "" | "-") {
            in_the_way.cloned = Some((full.to_owned(), clones.to_owned()));
        }
    }
    Ok(())
}

/// Notes on a kept dataset when and why it was replaced.
pub(crate) fn write_note(name: &str, note: &Note) -> Result<()> {
    call::zfs(&["set", &format!("{}={note}", kinds::KEPT), name]).map(drop)
}

/// Whether nothing lies in a kept dataset, nor in any of its snapshots.
pub(crate) fn holds_nothing(name: &str, snapshots: &[String]) -> Result<bool> {
    /// Of more, it is not worth the look.
    const MANY: usize = 100;
    if snapshots.len() > MANY || !inspect::mounted(name, half_created::is_empty)? {
        return Ok(false);
    }
    for snapshot in snapshots {
        if !inspect::mounted(&format!("{name}@{snapshot}"), half_created::is_empty)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Destroys a dataset and its snapshots in one transaction group, if it is what it was and nobody uses it; else nothing.
///
/// A dataset that is mounted, or is the target of something else, has a long hold, which a rollback would not be allowed
/// with; its own destruction is told only of its snapshots while it has some (`dsl_dataset_rollback_check()`,
/// `dsl_destroy_head_check_impl()`).
const DESTROY: &str = r#"
args = ...
name, guid = args["argv"][1], args["argv"][2]
EBUSY = 16
if "guid:" .. tostring(zfs.get_prop(name, "guid")) ~= guid or not zfs.get_prop(name, "preseed:kept") then
    return "it is not what it was"
end
if zfs.check.rollback(name) == EBUSY then
    return "it is in use"
end
snapshots = {}
for snapshot in zfs.list.snapshots(name) do
    snapshots[#snapshots + 1] = snapshot
end
for child in zfs.list.children(name) do
    return child .. " lies below it"
end
for _, snapshot in ipairs(snapshots) do
    status = zfs.check.destroy(snapshot)
    if status ~= 0 then
        return snapshot .. " is in use (" .. status .. ")"
    end
end
if #snapshots == 0 then
    status = zfs.check.destroy(name)
    if status ~= 0 then
        return "it is in use (" .. status .. ")"
    end
end
for _, snapshot in ipairs(snapshots) do
    zfs.sync.destroy(snapshot)
end
status = zfs.sync.destroy(name)
if status ~= 0 then
    return "it is in use (" .. status .. ")"
end
return "done"
"#;

/// Destroys the kept dataset with this name and guid, with its snapshots. What else hangs on it, or uses it, makes ZFS refuse;
/// then nothing has changed.
pub(crate) fn destroy(name: &str, guid: u64) -> Result<()> {
    // As much memory and as many steps as ZFS allows: it may have many snapshots (zfs-program(8)).
    let most = ["-m", "104857600", "-t", "100000000"];
    // Numbers are signed there; `zfs` takes one that begins with a minus for an option.
    let guid = format!("guid:{}", guid.cast_signed());
    match program::run(name, &most, DESTROY, &[name, &guid])?.as_str() {
        "done" => Ok(()),
        why => Err(Error::new(
            name,
            why.escape_debug().to_string(),
            "see who with `preseedctl kept`, then release again",
        )
        .of_kind(ErrorKind::Busy)),
    }
}

fn unreadable(subject: &str, column: &str) -> Error {
    Error::internal(
        subject.escape_debug().to_string(),
        format!("`zfs` told no `{column}` that can be read"),
    )
}
