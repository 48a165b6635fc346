//! Every snapshot of a service's data, of every tier, and whether it holds the data.

use std::collections::BTreeSet;

use declaration::settings::Service;
use declaration::value::TierName;
use storage::{Error, Snapshot};

use crate::context::Context;
use crate::decide::look;
use crate::machine::ThisMachine;
use crate::source::Source;
use crate::source::list::by_hand;
use crate::verdict::{Held, held};

/// All that was found.
#[derive(Debug, Default)]
pub struct History {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// The sources that could not be asked, or not to the end.
    pub not_asked: Vec<(String, Error)>,
}

/// One snapshot.
#[derive(Debug)]
pub struct Entry {
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
    look(declared, &ThisMachine, |context, _| {
        Ok(of(context, &by_hand(context, None), looks))
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
    let mut history = History::default();
    let mut waited = false;
    for source in sources {
        let source = source.as_ref();
        if source.needs_network() && !waited {
            waited = true;
            context.machine.wait_for_network();
        }
        history.add(context, source, looks);
    }
    // Of one second, as their sources tell them.
    history
        .entries
        .sort_by_key(|entry| std::cmp::Reverse(entry.snapshot.taken));
    history
}

impl History {
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
                tier: source.tier(),
                source: source.name(),
                snapshot,
                held,
            });
        }
    }
}
