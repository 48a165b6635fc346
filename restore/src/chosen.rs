//! A source of which only those snapshots count that an admin has chosen.

use std::cell::RefCell;
use std::path::Path;

use declaration::value::TierName;
use jiff::Timestamp;
use storage::{Contents, Error, Result, Snapshot};

use crate::failure::Failure;
use crate::source::{Bring, Snapshots, Source};

/// Which snapshots an admin has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Those that were not taken after this.
    NotAfter(Timestamp),
    /// The one of this name, or with this end of a name: what follows `@`, or the first characters of restic's id.
    Named(String),
}

impl Choice {
    /// Whether a snapshot is one of them.
    #[must_use]
    pub fn holds(&self, snapshot: &Snapshot) -> bool {
        match self {
            Self::NotAfter(at) => snapshot.taken <= *at,
            Self::Named(name) => {
                let short = snapshot.name.split_once('@').map(|(_, short)| short);
                let is_id = short.is_none() && name.len() >= FEWEST;
                snapshot.name == *name
                    || short == Some(name.strip_prefix('@').unwrap_or(name))
                    || is_id && snapshot.name.starts_with(name.as_str())
            }
        }
    }
}

/// How many characters of an id tell enough.
const FEWEST: usize = 4;

/// See the module.
pub(crate) struct Chosen<'s> {
    source: &'s (dyn Source + 's),
    choice: &'s Choice,
    /// The oldest of those that are too new.
    later: &'s RefCell<Option<Snapshot>>,
}

/// These sources, limited to a choice. `later` is told the oldest snapshot that is newer.
pub(crate) fn of<'s>(
    sources: &'s [Box<dyn Source + 's>],
    choice: &'s Choice,
    later: &'s RefCell<Option<Snapshot>>,
) -> Vec<Box<dyn Source + 's>> {
    let chosen = sources.iter().map(|source| {
        Box::new(Chosen {
            source: source.as_ref(),
            choice,
            later,
        }) as Box<dyn Source + 's>
    });
    chosen.collect()
}

impl Chosen<'_> {
    fn is_chosen(&self, snapshot: &Snapshot) -> bool {
        let is_chosen = self.choice.holds(snapshot);
        if let (false, Choice::NotAfter(_)) = (is_chosen, self.choice) {
            let mut later = self.later.borrow_mut();
            if later
                .as_ref()
                .is_none_or(|later| later.taken > snapshot.taken)
            {
                *later = Some(snapshot.clone());
            }
        }
        is_chosen
    }
}

impl Source for Chosen<'_> {
    fn tier(&self) -> TierName {
        self.source.tier()
    }

    fn name(&self) -> String {
        self.source.name()
    }

    fn label(&self, snapshot: &Snapshot) -> String {
        self.source.label(snapshot)
    }

    fn needs_network(&self) -> bool {
        self.source.needs_network()
    }

    fn local_directory(&self) -> Option<&Path> {
        self.source.local_directory()
    }

    fn moves_data(&self) -> bool {
        self.source.moves_data()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        let snapshots = self.source.snapshots()?;
        Ok(Box::new(snapshots.filter(|snapshot| match snapshot {
            Ok(snapshot) => self.is_chosen(snapshot),
            Err(_) => true,
        })))
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.source.contents(snapshot)
    }

    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        let listed = self.source.list_again(failure)?;
        Some(listed.map(|mut snapshots| {
            snapshots.retain(|snapshot| self.choice.holds(snapshot));
            snapshots
        }))
    }

    fn obstacle(&self, snapshot: &Snapshot) -> Option<Error> {
        self.source.obstacle(snapshot)
    }

    fn begins(&self) {
        self.source.begins();
    }

    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        self.source.bring(snapshot)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_choice_is_by_time_or_by_name() {
        let snapshot = |name: &str, taken: &str| Snapshot {
            name: name.to_owned(),
            taken: taken.parse().unwrap(),
            bytes: 0,
        };
        let local = snapshot("tank/a@hourly", "2026-11-23T07:00:00Z");
        let restic = snapshot(&"0a1b2c3d".repeat(8), "2026-11-23T07:00:01Z");
        let not_after = |at: &str| Choice::NotAfter(at.parse().unwrap());
        assert!(not_after("2026-11-23T07:00:00Z").holds(&local));
        assert!(!not_after("2026-11-23T07:00:00Z").holds(&restic));
        let named = |name: &str| Choice::Named(name.to_owned());
        for name in ["tank/a@hourly", "hourly", "@hourly"] {
            assert!(named(name).holds(&local), "{name}");
            assert!(!named(name).holds(&restic), "{name}");
        }
        for name in ["tank/a", "tank", "hour", "", "@", "tank/a@"] {
            assert!(!named(name).holds(&local), "{name}");
        }
        assert!(named("0a1b2c3d").holds(&restic));
        assert!(!named("0a").holds(&restic) && !named("0a1b2c3e").holds(&restic));
    }
}
