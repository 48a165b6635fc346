//! A dataset's properties, as one call of `zfs get` tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::listing::{self, Datasets, Value};
use super::{call, words};
use crate::mark::PROPERTY;
use crate::{Error, ErrorKind, Mark, MarkState, Result};

/// What is asked of a dataset at every look: everything a decision needs, in one call. The last is one that nobody can
/// set (see [`listing`]).
const ASKED: [&str; 35] = [
    "type",
    "objsetid",
    "origin",
    "version",
    "receive_resume_token",
    "keystatus",
    "keylocation",
    "encryptionroot",
    "readonly",
    "mountpoint",
    "canmount",
    "recordsize",
    "compression",
    "overlay",
    "acltype",
    "xattr",
    "atime",
    "relatime",
    "devices",
    "exec",
    "setuid",
    "nbmand",
    "org.openzfs.systemd:ignore",
    "preseed:state",
    "preseed:set",
    "preseed:kept",
    "preseed:sealed",
    "preseed:half-done",
    "preseed:aside",
    "preseed:quotas",
    "com.sun:auto-snapshot",
    "syncoid:sync",
    "sharenfs",
    "sharesmb",
    "guid",
];

/// A dataset's properties.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    dataset: String,
    values: BTreeMap<String, Value>,
    /// A dataset below it, if there is one and it was asked for.
    child: Option<String>,
}

/// The hidden child in which ZFS keeps an increment while it is being received into this dataset
/// (`recv_clone_name` in OpenZFS's dmu_recv.c).
pub(super) fn increment_of(dataset: &str) -> String {
    format!("{dataset}/%recv")
}

/// Asks for a dataset's properties; `None` if the dataset does not exist.
///
/// That is no answer about its pool: see [`call::in_its_pool`].
pub(super) fn get(dataset: &str) -> Result<Option<Properties>> {
    let [properties] = ask(&[], &ASKED, [dataset])?;
    Ok(properties)
}

/// The properties of a dataset that must be there.
///
/// # Errors
/// When it is not.
pub(super) fn existing(dataset: &str) -> Result<Properties> {
    get(dataset)?.ok_or_else(|| gone(dataset))
}

/// The error that a dataset is not there which was, or must be.
pub(super) fn gone(dataset: &str) -> Error {
    Error::new(
        dataset,
        "the dataset is gone",
        "see who removed it with `zpool history`, then start the service again",
    )
    .of_kind(ErrorKind::Gone)
}

/// Asks for the properties of several datasets, and for their children, in one call.
pub(super) fn get_with_children<const N: usize>(
    datasets: [&str; N],
) -> Result<[Option<Properties>; N]> {
    get_more_with_children(datasets, &[])
}

/// The same, with more properties: each must be known to ZFS.
pub(super) fn get_more_with_children<const N: usize>(
    datasets: [&str; N],
    more: &[&str],
) -> Result<[Option<Properties>; N]> {
    let more = more.iter().filter(|property| !ASKED.contains(property));
    let asked: Vec<&str> = more.copied().chain(ASKED).collect();
    ask(&["-d", "1", "-t", "filesystem,volume"], &asked, datasets)
}

/// Asks for the properties of these datasets and of all directly below them, and for `more`, by name, each with a dataset below
/// it if it has any. Those that do not exist are left out.
pub(super) fn below(containers: &[&str], more: &[&str]) -> Result<BTreeMap<String, Properties>> {
    let which = ["-d", "2", "-t", "filesystem,volume"];
    let asked: Vec<&str> = more.iter().copied().chain(ASKED).collect();
    let mut told = all(&which, &asked, containers)?;
    let names: BTreeSet<String> = told.keys().cloned().collect();
    for (name, properties) in &mut told {
        let below = format!("{name}/");
        let mut after = names.range(below.clone()..);
        properties.child = after
            .next()
            .filter(|next| next.starts_with(&below))
            .cloned();
    }
    Ok(told)
}

/// Asks for these properties of datasets and of all that `which` asks for below them, by name. The last must be one that
/// nobody can set (see [`listing`]).
pub(super) fn all(
    which: &[&str],
    asked: &[&str],
    datasets: &[&str],
) -> Result<BTreeMap<String, Properties>> {
    let told = table(which, asked, datasets, |_| true)?;
    let told = told.into_iter();
    Ok(told
        .map(|(dataset, values)| {
            let properties = Properties {
                dataset: dataset.clone(),
                values,
                child: None,
            };
            (dataset, properties)
        })
        .collect())
}

fn ask<const N: usize>(
    which: &[&str],
    asked: &[&str],
    datasets: [&str; N],
) -> Result<[Option<Properties>; N]> {
    // Of a child, that it is there is all that counts.
    let told = table(which, asked, &datasets, |name| datasets.contains(&name))?;
    let mut found = datasets.map(|_| None);
    for (dataset, place) in datasets.iter().zip(&mut found) {
        *place = of(&told, dataset)?;
    }
    Ok(found)
}

/// The properties `asked` of these datasets, and of those below them that the options `which` of `zfs get` ask for; of
/// those only that `wanted` names, unless they are told anyway. Those that do not exist are left out. The last property
/// must be one that nobody can set (see [`listing`]).
pub(super) fn table(
    which: &[&str],
    asked: &[&str],
    datasets: &[&str],
    wanted: impl Fn(&str) -> bool,
) -> Result<Datasets> {
    let properties = asked.join(",");
    let options = ["-H", "-p", "-o", "name,property,source,value", &properties];
    let args = [&["get"], which, &options[..], datasets].concat();
    let ended = call::try_zfs(&args)?;
    // Those that are there are told of even if others are missing.
    if !ended.status.success() && !words::says_missing(&ended) {
        return Err(call::failed(&args, &ended));
    }
    match listing::read(&ended.stdout, asked) {
        Some(told) => Ok(told),
        None => ask_singly(which, asked, datasets, wanted),
    }
}

/// The same where a value holds a line break: each is asked for alone.
fn ask_singly(
    which: &[&str],
    asked: &[&str],
    datasets: &[&str],
    wanted: impl Fn(&str) -> bool,
) -> Result<Datasets> {
    let args = [&["list"], which, &["-H", "-o", "name"][..], datasets].concat();
    let ended = call::try_zfs(&args)?;
    if !ended.status.success() && !words::says_missing(&ended) {
        return Err(call::failed(&args, &ended));
    }
    let mut told = Datasets::new();
    for name in ended.stdout.lines() {
        let mut values = BTreeMap::new();
        for property in asked.iter().filter(|_| wanted(name)) {
            // A source holds the name of a dataset at most, and so neither tabs nor line breaks.
            let line = call::zfs(&["get", "-H", "-p", "-o", "source,value", property, name])?;
            let line = line.strip_suffix('\n').unwrap_or(&line);
            let (source, value) = line
                .split_once('\t')
                .ok_or_else(|| untold(name, property))?;
            let (value, source) = (value.to_owned(), source.to_owned());
            values.insert((*property).to_owned(), Value { value, source });
        }
        told.insert(name.to_owned(), values);
    }
    Ok(told)
}

/// What was told of one dataset; `None` if nothing was.
fn of(told: &Datasets, dataset: &str) -> Result<Option<Properties>> {
    let Some(values) = told.get(dataset) else {
        return Ok(None);
    };
    let child = told.keys().find(|name| {
        name.strip_prefix(dataset)
            .is_some_and(|rest| rest.starts_with('/') && rest != "/%recv")
    });
    let properties = Properties {
        dataset: dataset.to_owned(),
        values: values.clone(),
        child: child.cloned(),
    };
    for property in ["type", "guid"] {
        if properties.value(property).is_none() {
            return Err(untold(dataset, property));
        }
    }
    Ok(Some(properties))
}

fn untold(dataset: &str, property: &str) -> Error {
    Error::internal(dataset, format!("`zfs get` told no `{property}`"))
}

/// Of the properties that were set on this very dataset, here or where it was received from, those that are `wanted`, with
/// their values exactly as they are. What `found` tells is not asked for once more.
pub(super) fn set_on(
    found: &Properties,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, OsString)>> {
    let given = |columns: &str, property: &str| {
        let options = ["get", "-H", "-p", "-s", "local,received", "-o", columns];
        call::zfs_bytes(&[&options[..], &[property, found.dataset()]].concat())
    };
    // Names are of few characters (zfsprops(7)); values may be anything.
    let names = String::from_utf8_lossy(&given("property", "all")?).into_owned();
    let names: Vec<&str> = names.lines().collect();
    let asked: Vec<&str> = names.iter().copied().filter(|name| wanted(name)).collect();
    let known = |name: &&str| {
        let value = found.value(name).filter(|_| found.is_given(name))?;
        // What stands for bytes that are no text.
        (!value.contains(char::REPLACEMENT_CHARACTER)).then(|| ((*name).to_owned(), value.into()))
    };
    if let Some(known) = asked.iter().map(known).collect() {
        return Ok(known);
    }
    let printed = given("value", "all")?;
    let values: Vec<Vec<u8>> = match listing::values(&printed, &names) {
        Some(values) => values.into_iter().map(<[u8]>::to_vec).collect(),
        None => names
            .iter()
            .map(|name| Ok(listing::only_value(&given("value", name)?).to_vec()))
            .collect::<Result<_>>()?,
    };
    let names = names.into_iter().map(ToOwned::to_owned);
    Ok(names
        .zip(values.into_iter().map(OsString::from_vec))
        .filter(|(name, _)| wanted(name))
        .collect())
}

impl Properties {
    /// The dataset's name.
    pub(super) fn dataset(&self) -> &str {
        &self.dataset
    }

    /// A dataset below it; `None` if there is none or it was not asked for.
    pub(super) fn child(&self) -> Option<&str> {
        self.child.as_deref()
    }

    /// A property's value; `None` if it is not set or does not apply.
    pub(super) fn value(&self, property: &str) -> Option<&str> {
        self.values
            .get(property)
            .map(|told| told.value.as_str())
            .filter(|value| *value != "-")
    }

    /// Whether a property was set on this very dataset.
    pub(super) fn is_local(&self, property: &str) -> bool {
        self.values
            .get(property)
            .is_some_and(|told| told.source == "local")
    }

    /// Whether a property was given to this very dataset, here or where it was received from.
    pub(super) fn is_given(&self, property: &str) -> bool {
        matches!(self.source(property), "local" | "received")
    }

    /// Where a property's value comes from, as ZFS tells it: `local`, `inherited from …`, ….
    pub(super) fn source(&self, property: &str) -> &str {
        self.values
            .get(property)
            .map_or("elsewhere", |told| told.source.as_str())
    }

    /// What a mark is bound to: only this dataset has it, and keeps it when it is renamed.
    pub(super) fn identity(&self) -> String {
        format!("guid:{}", self.value("guid").unwrap_or_default())
    }

    /// The mark, and whether it counts.
    pub(super) fn mark(&self) -> MarkState {
        match self.value(PROPERTY) {
            None => MarkState::None,
            Some(_) if !self.is_local(PROPERTY) => MarkState::Foreign(format!(
                "its source is `{}`, not `local`",
                self.source(PROPERTY)
            )),
            Some(text) => Mark::read(text, &self.identity()),
        }
    }

    /// A local mark that is bound to `identity`.
    pub(super) fn local_mark(&self, identity: &str) -> Option<Mark> {
        match Mark::read(self.value(PROPERTY)?, identity) {
            MarkState::Ours(mark) if self.is_local(PROPERTY) => Some(mark),
            _ => None,
        }
    }
}
