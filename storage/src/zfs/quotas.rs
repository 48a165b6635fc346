//! The quotas of single users, groups and projects (zfs-userspace(8)).
//!
//! They are a part of the data: a clone or a copy has those of its snapshot, and a rollback brings them back. What an
//! admin has set since is set again.

use std::collections::BTreeMap;

use super::properties::Properties;
use super::{call, words};
use crate::mark::PROPERTY;
use crate::{Error, Result};

/// Where it is noted on a dataset what is to be set again after a rollback.
const NOTED: &str = "preseed:quotas";

/// As many as are set in one call.
const MANY: usize = 500;

/// What is noted where there are none.
const NONE: &str = "none";

/// No user property is longer (zfsprops(7)); some of it is the dataset's name and the like.
const LONGEST_NOTE: usize = 8000;

/// Quotas: `userquota@1000` and so on, in bytes or objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Quotas(BTreeMap<String, u64>);

/// The quotas that a dataset with these properties has, or is to have after a rollback that was interrupted.
///
/// # Errors
/// When they cannot be told.
pub(super) fn wanted(found: &Properties) -> Result<Quotas> {
    let local = |property: &str| found.value(property).filter(|_| found.is_local(property));
    // Only while a rollback is under way: one that was killed before it forgot the note says nothing of later days.
    let is_rolled_back = local(PROPERTY).is_some_and(|mark| mark.starts_with("seeding "));
    match local(NOTED).and_then(Quotas::read) {
        Some(noted) if is_rolled_back => Ok(noted),
        _ => of(found.dataset()),
    }
}

/// The quotas that a dataset has.
fn of(dataset: &str) -> Result<Quotas> {
    let mut quotas = BTreeMap::new();
    // Those of projects are told only if they are asked for alone.
    for (verb, options) in [
        ("userspace", &["-n", "-t", "all"][..]),
        ("projectspace", &[]),
    ] {
        let columns = ["-H", "-p", "-o", "type,name,quota,objquota"];
        let columns = &columns[..];
        let args = [&[verb], options, columns, &[dataset]].concat();
        let ended = call::try_zfs(&args)?;
        if !ended.status.success() {
            // The pool, or this dataset, is of a time before there were projects.
            if verb == "projectspace" && words::says_too_old(&ended) {
                continue;
            }
            return Err(call::failed(&args, &ended));
        }
        for line in ended.stdout.lines() {
            read_line(line, &mut quotas).ok_or_else(|| unreadable(dataset, line))?;
        }
    }
    Ok(Quotas(quotas))
}

/// Reads a line of type, name, quota and quota of objects, e.g. `POSIX User`, `1000`, `1048576`, `0`.
fn read_line(line: &str, quotas: &mut BTreeMap<String, u64>) -> Option<()> {
    let mut columns = line.split('\t');
    let (of, name) = (columns.next()?, columns.next()?);
    let kind = match of.rsplit(' ').next()? {
        "User" => "user",
        "Group" => "group",
        "Project" => "project",
        _ => return None,
    };
    for what in ["quota", "objquota"] {
        let value = columns.next()?;
        // None is told as one of these.
        if !matches!(value, "0" | "-" | "none") {
            quotas.insert(format!("{kind}{what}@{name}"), value.parse().ok()?);
        }
    }
    Some(())
}

fn unreadable(dataset: &str, line: &str) -> Error {
    Error::internal(
        dataset,
        format!(
            "`zfs` told a quota that cannot be read: `{}`",
            line.escape_debug()
        ),
    )
}

impl Quotas {
    /// Gives a dataset these quotas and no others.
    ///
    /// # Errors
    /// When they cannot be set.
    pub(super) fn set_on(&self, dataset: &str) -> Result<()> {
        let sets = self.instead_of(&of(dataset)?);
        for sets in sets.chunks(MANY) {
            let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
            call::zfs(&[&["set"], &sets[..], &[dataset]].concat())?;
        }
        Ok(())
    }

    /// What is to be set where there are those.
    fn instead_of(&self, those: &Self) -> Vec<String> {
        let new = self
            .0
            .iter()
            .filter(|(name, value)| those.0.get(*name) != Some(*value));
        let too_many = those.0.keys().filter(|name| !self.0.contains_key(*name));
        new.map(|(name, value)| format!("{name}={value}"))
            .chain(too_many.map(|name| format!("{name}=none")))
            .collect()
    }

    /// Notes them on a dataset until [`forget_on`]: also that there are none, where the snapshot may have some.
    ///
    /// # Errors
    /// When they cannot be noted, or are so many that they do not fit.
    pub(super) fn note_on(&self, dataset: &str) -> Result<()> {
        let quotas = self.0.iter();
        let words: Vec<String> = quotas
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let note = if words.is_empty() {
            NONE.to_owned()
        } else {
            words.join(" ")
        };
        if note.len() > LONGEST_NOTE {
            return Err(Error::new(
                dataset,
                format!(
                    "it has quotas of {} users and groups, too many to be noted while it is rolled back",
                    words.len()
                ),
                "let the tier `snapshot` restore it without a rollback: declare it in `tiers`",
            ));
        }
        call::zfs(&["set", &format!("{NOTED}={note}"), dataset]).map(drop)
    }

    /// Reads a note. `None`: it is none of ours, as whoever may set user properties can have written it; other properties
    /// than quotas are never taken from it.
    fn read(noted: &str) -> Option<Self> {
        if noted == NONE {
            return Some(Self::default());
        }
        let quotas = noted.split(' ').map(|word| {
            let (name, value) = word.split_once('=')?;
            let (kind, whose) = name.split_once('@')?;
            let is_quota = ["user", "group", "project"]
                .iter()
                .any(|of| matches!(kind.strip_prefix(of), Some("quota" | "objquota")));
            (is_quota && !whose.is_empty()).then_some((name.to_owned(), value.parse().ok()?))
        });
        quotas.collect::<Option<_>>().map(Self)
    }
}

/// Forgets what was noted on a dataset.
///
/// # Errors
/// When it cannot.
pub(super) fn forget_on(dataset: &str) -> Result<()> {
    call::zfs(&["inherit", NOTED, dataset]).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn users_groups_and_projects_are_told_apart() {
        let mut quotas = BTreeMap::new();
        for line in [
            "POSIX User\t1000\t1048576\t0",
            "POSIX Group\t1000\tnone\t7",
            "SMB User\tS-1-5-21-1\t5\t-",
            "Project\t3\t9\t0",
        ] {
            read_line(line, &mut quotas).unwrap();
        }
        let told: Vec<String> = quotas
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            told,
            [
                "groupobjquota@1000=7",
                "projectquota@3=9",
                "userquota@1000=1048576",
                "userquota@S-1-5-21-1=5",
            ]
        );
        for line in ["", "POSIX User\t1", "Robot\t1\t2\t3", "POSIX User\t1\tx\t0"] {
            assert_eq!(read_line(line, &mut BTreeMap::new()), None, "{line}");
        }
    }

    #[test]
    fn only_what_differs_is_set() {
        let read = |noted| Quotas::read(noted).unwrap();
        let wanted = read("groupquota@5=10 userobjquota@7=3 userquota@1000=1024");
        let those = read("userquota@1000=1024 userquota@8=1 groupquota@5=11");
        assert_eq!(
            wanted.instead_of(&those),
            ["groupquota@5=10", "userobjquota@7=3", "userquota@8=none"]
        );
        assert!(wanted.instead_of(&wanted).is_empty());
        assert_eq!(read("none"), Quotas::default());
    }

    #[test]
    fn nothing_but_quotas_is_taken_from_a_note() {
        for noted in [
            "quota=0",
            "userquota@5=1 refquota=0",
            "copies=3",
            "userquota@=1",
            "userquota@5=x",
            "userquota@5",
            "xuserquota@5=1",
        ] {
            assert_eq!(Quotas::read(noted), None, "{noted}");
        }
    }
}
