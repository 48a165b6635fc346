//! A dataset's properties, as one call of `zfs get` tells them.

use std::collections::BTreeMap;

use super::call;
use crate::mark::PROPERTY;
use crate::{Error, Mark, MarkState, Result};

/// What is asked of a dataset at every look: everything a decision needs, in one call.
const ASKED: &str = "type,guid,objsetid,origin,version,receive_resume_token,keystatus,keylocation,encryptionroot,readonly,\
                     mountpoint,canmount,recordsize,compression,overlay,acltype,xattr,org.openzfs.systemd:ignore,preseed:state,preseed:kept,\
                     preseed:sealed,preseed:half-done,preseed:aside,com.sun:auto-snapshot,syncoid:sync";

/// A dataset's properties.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    dataset: String,
    values: BTreeMap<String, (String, String)>,
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
/// That is no answer about its pool: see [`call::pool_must_be_imported`].
pub(super) fn get(dataset: &str) -> Result<Option<Properties>> {
    let [properties] = ask(&[], [dataset])?;
    Ok(properties)
}

/// Asks for the properties of several datasets, and for their children, in one call.
pub(super) fn get_with_children<const N: usize>(
    datasets: [&str; N],
) -> Result<[Option<Properties>; N]> {
    ask(&["-d", "1", "-t", "filesystem,volume"], datasets)
}

fn ask<const N: usize>(which: &[&str], datasets: [&str; N]) -> Result<[Option<Properties>; N]> {
    let asked = ["-H", "-p", "-o", "name,property,source,value", ASKED];
    let args = [&["get"], which, &asked[..], &datasets[..]].concat();
    let ended = call::try_zfs(&args)?;
    // Those that are there are told of even if others are missing.
    if !ended.status.success() && !call::says_missing(&ended) {
        return Err(call::failed(&args, &ended));
    }
    let mut found = datasets.map(|_| None);
    for (dataset, place) in datasets.iter().zip(&mut found) {
        *place = read(&ended.stdout, dataset)?;
    }
    Ok(found)
}

/// The properties that a listing tells of one dataset; `None` if it tells none.
fn read(listing: &str, dataset: &str) -> Result<Option<Properties>> {
    let mut values = BTreeMap::new();
    let mut child = None;
    for line in listing.lines() {
        let mut columns = line.splitn(4, '\t');
        let name = columns.next().unwrap_or_default();
        if name != dataset {
            if name
                .strip_prefix(dataset)
                .is_some_and(|rest| rest.starts_with('/') && rest != "/%recv")
            {
                child.get_or_insert_with(|| name.to_owned());
            }
            continue;
        }
        if let (Some(property), Some(source), Some(value)) =
            (columns.next(), columns.next(), columns.next())
        {
            values.insert(property.to_owned(), (value.to_owned(), source.to_owned()));
        }
    }
    if values.is_empty() {
        return Ok(None);
    }
    let properties = Properties {
        dataset: dataset.to_owned(),
        values,
        child,
    };
    for property in ["type", "guid"] {
        if properties.value(property).is_none() {
            return Err(Error::new(
                dataset,
                format!("`zfs get` told no `{property}`"),
                "report this as a bug",
            ));
        }
    }
    Ok(Some(properties))
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
            .map(|(value, _)| value.as_str())
            .filter(|value| *value != "-")
    }

    /// Whether a property was set on this very dataset.
    pub(super) fn is_local(&self, property: &str) -> bool {
        self.values
            .get(property)
            .is_some_and(|(_, source)| source == "local")
    }

    /// Whether a property was given to this very dataset, here or where it was received from.
    pub(super) fn is_given(&self, property: &str) -> bool {
        matches!(self.source(property), "local" | "received")
    }

    /// Where a property's value comes from, as ZFS tells it: `local`, `inherited from …`, ….
    pub(super) fn source(&self, property: &str) -> &str {
        self.values
            .get(property)
            .map_or("elsewhere", |(_, source)| source.as_str())
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
