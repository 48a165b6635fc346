//! What systemd says of units: the one reader of what `systemctl show` prints.

use std::collections::BTreeMap;

use libsystemd::daemon::booted;
use storage::Result;

use crate::systemctl::systemctl;

/// How many units one call asks about: a command line has its limits.
const AT_ONCE: usize = 200;

/// What is asked beside the properties: a unit can have several names, and `Id` is only one of them.
const NAMES: &str = "Id,Names";

/// What systemd says of several units.
#[derive(Debug, Default)]
pub struct Units(Vec<Unit>);

/// The properties of one unit.
#[derive(Debug)]
pub struct Unit(BTreeMap<String, String>);

/// Asks for `properties` (systemctl(1), `show`; separated by commas) of units. One that does not exist has its say, too
/// (`LoadState=not-found`).
///
/// # Errors
/// When systemd does not answer.
pub fn show<'a>(properties: &str, units: impl IntoIterator<Item = &'a str>) -> Result<Units> {
    let names: Vec<&str> = units.into_iter().collect();
    let property = format!("--property={NAMES},{properties}");
    let mut shown = Units::default();
    for names in names.chunks(AT_ONCE) {
        let args = ["show", property.as_str(), "--"];
        let ended = systemctl(args.into_iter().chain(names.iter().copied()))?;
        if !ended.status.success() {
            return Err(ended.error("systemd", "see that it answers: `systemctl status`"));
        }
        shown.0.extend(Units::parse(&ended.stdout).0);
    }
    Ok(shown)
}

/// As [`show`]; where no systemd runs, there are none.
///
/// # Errors
/// When systemd runs, and does not answer.
pub fn show_if_it_runs<'a>(
    properties: &str,
    units: impl IntoIterator<Item = &'a str>,
) -> Result<Units> {
    if booted() {
        show(properties, units)
    } else {
        Ok(Units::default())
    }
}

impl Units {
    /// Reads what `systemctl show` printed: a block of lines for each unit, in systemd's own order.
    #[must_use]
    pub fn parse(shown: &str) -> Self {
        let blocks = shown.split("\n\n").map(Unit::parse);
        Self(blocks.filter(|unit| !unit.0.is_empty()).collect())
    }

    /// The unit that has this name, or this alias.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Unit> {
        self.0.iter().find(|unit| unit.has_name(name))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Unit> {
        self.0.iter()
    }
}

impl Unit {
    /// Reads one block of lines.
    #[must_use]
    pub fn parse(block: &str) -> Self {
        let properties = block.lines().filter_map(|line| line.split_once('='));
        Self(
            properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// A property's value; `None` if systemd said nothing of it.
    #[must_use]
    pub fn get(&self, property: &str) -> Option<&str> {
        self.0.get(property).map(String::as_str)
    }

    /// A property's value; empty if it has none.
    #[must_use]
    pub fn value(&self, property: &str) -> &str {
        self.get(property).unwrap_or_default()
    }

    /// The words of a property's value.
    pub fn words(&self, property: &str) -> impl Iterator<Item = &str> {
        self.value(property).split_whitespace()
    }

    /// The name that systemd calls it by.
    #[must_use]
    pub fn id(&self) -> &str {
        self.value("Id")
    }

    /// Whether it has this name, or this alias.
    #[must_use]
    pub fn has_name(&self, name: &str) -> bool {
        self.id() == name || self.words("Names").any(|one| one == name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_block_is_a_unit_that_is_found_by_each_of_its_names() {
        let units = Units::parse(
            "Id=sonarr.service\nNames=sonarr.service tv.service\nExecStart={ path=/x ; argv[]=/x a=b }\n\n\
             Id=b.mount\nNames=b.mount\nLoadState=not-found\n\n",
        );
        assert_eq!(units.iter().count(), 2);
        let unit = units.get("tv.service").unwrap();
        assert_eq!(unit.id(), "sonarr.service");
        assert_eq!(unit.value("ExecStart"), "{ path=/x ; argv[]=/x a=b }");
        assert_eq!((unit.get("LoadState"), unit.value("LoadState")), (None, ""));
        assert_eq!(
            units.get("b.mount").unwrap().value("LoadState"),
            "not-found"
        );
        assert!(units.get("c.service").is_none());
        assert_eq!(Units::parse("").iter().count(), 0);
    }
}
