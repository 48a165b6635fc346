//! Every snapshot of a service's data, of every tier, and whether it holds the data.

use std::collections::BTreeSet;

use declaration::settings::Service;
use declaration::value::TierName;
use storage::{Error, Snapshot};

use crate::context::Context;
use crate::decide::look;
use crate::machine::ThisMachine;
use crate::part::{Part, with_parts_by_hand};
use crate::points::Point;
use crate::source::Source;
use crate::source::list::by_hand;
use crate::verdict::{Held, held};

/// All that was found.
#[derive(Debug, Default)]
pub struct History {
    /// The parts of the service that are restored: its name, and those of places.
    pub parts: Vec<String>,
    /// Newest first.
    pub entries: Vec<Entry>,
    /// The sources that could not be asked, or not to the end.
    pub not_asked: Vec<(String, Error)>,
}

/// One snapshot.
#[derive(Debug)]
pub struct Entry {
    /// The part of the service that it is of: its name, or that of a place.
    pub part: String,
    /// The tier that restores it.
    pub tier: TierName,
    /// The name of its source, for people.
    pub source: String,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What a look into it showed; `None` if nobody looked.
    pub held: Option<Result<Held, Error>>,
}

/// Lists the snapshots of a service, and looks into the newest of each source: so many (`None`: all of them). The sources are
/// asked as a restore asks them.
///
/// # Errors
/// When the service's storage cannot be looked at.
pub fn history(declared: &Service, looks: Option<usize>) -> Result<History, Error> {
    if !declared.places.is_empty() {
        return with_parts_by_hand(declared, &ThisMachine, None, |parts| {
            Ok(of_parts(parts, looks))
        });
    }
    look(declared, &ThisMachine, |context, _| {
        Ok(of(context, &by_hand(context, None), looks))
    })
    .map_err(|refusal| refusal.error)
}

fn of_parts(parts: &[Part<'_>], looks: Option<usize>) -> History {
    let mut history = History::default();
    let restored = parts
        .iter()
        .filter(|part| part.context.service.is_restored());
    for part in restored {
        let of_part = of(part.context, part.sources, looks);
        history.parts.extend(of_part.parts);
        history.entries.extend(of_part.entries);
        for (source, error) in of_part.not_asked {
            if !history.not_asked.iter().any(|(known, _)| *known == source) {
                history.not_asked.push((source, error));
            }
        }
    }
    history.sort();
    history
}

/// As [`history`], of the sources alone that may take a while: repositories, and replicas on other machines.
///
/// # Errors
/// When the service's storage cannot be looked at.
pub fn far(declared: &Service, looks: Option<usize>) -> Result<History, Error> {
    look(declared, &ThisMachine, |context, _| {
        let mut sources = by_hand(context, None);
        sources.retain(|source| is_far(source.as_ref()));
        Ok(of(context, &sources, looks))
    })
    .map_err(|refusal| refusal.error)
}

/// The names of the snapshots of this machine, for completions.
///
/// # Errors
/// When the service's storage cannot be looked at.
pub fn names(declared: &Service) -> Result<Vec<String>, Error> {
    look(declared, &ThisMachine, |context, _| {
        let sources = by_hand(context, None);
        let near = sources.iter().filter(|source| !is_far(source.as_ref()));
        let listed = near.filter_map(|source| source.snapshots().ok());
        Ok(listed
            .flatten()
            .flatten()
            .map(|snapshot| snapshot.name)
            .collect())
    })
    .map_err(|refusal| refusal.error)
}

/// Whether each look into one of its snapshots may take a while.
fn is_far(source: &dyn Source) -> bool {
    source.needs_network() || source.tier() == TierName::Restic
}

pub(crate) fn of(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    looks: Option<usize>,
) -> History {
    let mut history = History {
        parts: vec![context.service.name.to_string()],
        ..History::default()
    };
    let mut waited = false;
    for source in sources {
        let source = source.as_ref();
        if source.needs_network() && !waited {
            waited = true;
            context.machine.wait_for_network();
        }
        history.add(context, source, looks);
    }
    history.sort();
    history
}

/// The snapshots of all parts that are of one point, from one source.
#[derive(Debug)]
pub struct Row<'h> {
    /// One of each part that has one; never none.
    pub entries: Vec<&'h Entry>,
    /// The parts that have none.
    pub lacking: Vec<&'h str>,
}

impl History {
    /// Newest first; of one second, as their sources tell them.
    fn sort(&mut self) {
        self.entries
            .sort_by_key(|entry| std::cmp::Reverse(entry.snapshot.taken));
    }

    /// The snapshots by their points, newest first: what is restored together.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        for entry in &self.entries {
            let point = Point::of(&entry.snapshot);
            let near = rows.iter_mut().rev().take_while(|row| {
                let first = row.entries.first();
                first.is_some_and(|first| point.is_near(&first.snapshot))
            });
            let of_it = |row: &&mut Row<'_>| {
                row.entries.iter().all(|other| {
                    other.part != entry.part
                        && other.source == entry.source
                        && Point::of(&other.snapshot).is_that_of(&point)
                })
            };
            match near.into_iter().find(of_it) {
                Some(row) => row.entries.push(entry),
                None => rows.push(Row {
                    entries: vec![entry],
                    lacking: Vec::new(),
                }),
            }
        }
        for row in &mut rows {
            let has = |part: &&str| row.entries.iter().any(|entry| entry.part == *part);
            let parts = self.parts.iter().map(String::as_str);
            row.lacking = parts.filter(|part| !has(part)).collect();
        }
        rows
    }

    fn add(&mut self, context: &Context<'_>, source: &dyn Source, looks: Option<usize>) {
        let snapshots = match source.snapshots() {
            Ok(snapshots) => snapshots,
            Err(error) => return self.not_asked.push((source.name(), error)),
        };
        let mut known: BTreeSet<String> = BTreeSet::new();
        for snapshot in snapshots {
            let snapshot = match snapshot {
                Ok(snapshot) => snapshot,
                Err(error) => return self.not_asked.push((source.name(), error)),
            };
            if !known.insert(snapshot.name.clone()) {
                continue;
            }
            let is_looked_into = looks.is_none_or(|looks| known.len() <= looks);
            let held = is_looked_into.then(|| {
                let contents = source.contents(&snapshot);
                contents
                    .map(|contents| held(&contents, &context.observation.contents))
                    .map_err(|failure| failure.error().clone())
            });
            self.entries.push(Entry {
                part: context.service.name.to_string(),
                tier: source.tier(),
                source: source.name(),
                snapshot,
                held,
            });
        }
    }
}
