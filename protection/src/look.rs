//! What the storage and the units of many services look like: the same few questions, however many there are.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use declaration::settings::Service;
use restore::health::{failed_units, is_kept_down_by};
use storage::mark::Stage;
use storage::survey::{Surveyed, survey};
use storage::{
    Error, ErrorKind, MarkState, Observation, Result, Snapshot, as_found, policy_snapshots,
};

use crate::hold;

/// See the module.
pub(crate) struct Look {
    seen: BTreeMap<String, Surveyed>,
    /// The units that have failed, once somebody asks.
    failed: OnceCell<Result<BTreeSet<String>>>,
}

impl Look {
    /// At these services or places, as their storage is found.
    pub(crate) fn at<'p>(parts: impl IntoIterator<Item = &'p Service>) -> Self {
        // What lies in replicas is of no interest here.
        let own = parts.into_iter().map(|part| {
            let mut part = part.clone();
            part.preseed.replicas.clear();
            part
        });
        let own: Vec<Service> = own.collect();
        let (seen, _) = survey(&own.iter().collect::<Vec<_>>());
        let names = own.iter().map(|part| part.name.as_str().to_owned());
        Self {
            seen: names.zip(seen).collect(),
            failed: OnceCell::new(),
        }
    }

    /// Looks at all that is restored of these services. What is not found is not looked at, and says so where it is asked for.
    pub(crate) fn at_all_of<'a>(services: impl IntoIterator<Item = &'a Service>) -> Self {
        let parts = services
            .into_iter()
            .flat_map(|service| service.parts().filter(|part| part.is_restored()));
        let parts: Vec<_> = parts
            .filter_map(|part| as_found::placed(part).ok())
            .collect();
        Self::at(parts.iter().map(|part| &**part))
    }

    /// What lies there.
    ///
    /// # Errors
    /// When it could not be told.
    pub(crate) fn observation(&self, part: &Service) -> Result<Observation> {
        match &self.seen(part)?.observation {
            Err(error) if may_be_anothers(error) => storage::open(part).observe(),
            seen => seen.clone(),
        }
    }

    /// Whether a service is kept down.
    ///
    /// # Errors
    /// When systemd did not tell.
    pub(crate) fn is_kept_down(&self, service: &Service) -> Result<bool> {
        let failed = self.failed.get_or_init(failed_units);
        let failed = failed.as_ref().map_err(Clone::clone)?;
        Ok(is_kept_down_by(failed, service))
    }

    /// The snapshots of its dataset, newest first.
    ///
    /// # Errors
    /// When they could not be listed.
    pub(crate) fn snapshots(&self, part: &Service) -> Result<Vec<Snapshot>> {
        let seen = self.seen(part)?;
        match &seen.observation {
            // Those before are still another dataset's.
            Ok(seen) if is_unpromoted(seen) => hold::newest_first(part),
            _ => match &seen.snapshots {
                Err(error) if may_be_anothers(error) => hold::newest_first(part),
                snapshots => snapshots.clone(),
            },
        }
    }

    fn seen(&self, part: &Service) -> Result<&Surveyed> {
        let name = part.name.as_str();
        let seen = self.seen.get(name);
        seen.ok_or_else(|| Error::internal(name, "nobody has looked at it"))
    }
}

/// Whether an error of a question about many datasets may be that of one of them: the others answer by themselves. A pool that
/// does not answer is not waited for once more.
fn may_be_anothers(error: &Error) -> bool {
    let is_of_all = [
        ErrorKind::Suspended,
        ErrorKind::NotImported,
        ErrorKind::Timeout,
    ];
    !is_of_all.contains(&error.kind())
}

fn is_unpromoted(seen: &Observation) -> bool {
    matches!(&seen.mark, MarkState::Ours(mark) if mark.stage == Stage::Unpromoted)
}

/// Our holds on the snapshots of many datasets.
pub(crate) struct Holds(Option<BTreeSet<String>>);

impl Holds {
    /// On those of these datasets.
    pub(crate) fn on(datasets: &[&str]) -> Self {
        // One that cannot be asked says nothing of the others: each is then asked by itself.
        Self(policy_snapshots::held_of_all(datasets).ok())
    }

    /// Those on the snapshots of one of them.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(crate) fn of(&self, dataset: &str) -> Result<Vec<String>> {
        let Some(held) = &self.0 else {
            return policy_snapshots::held(dataset);
        };
        let is_its = |snapshot: &&String| {
            let (of, _) = snapshot.split_once('@').unwrap_or_default();
            of == dataset
        };
        Ok(held.iter().filter(is_its).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_hold_is_of_the_dataset_that_its_snapshot_is_of() {
        let held = ["tank/a@x", "tank/a.b@x", "tank/a/b@x"].map(str::to_owned);
        let holds = Holds(Some(held.into()));
        assert_eq!(holds.of("tank/a").unwrap(), ["tank/a@x"]);
        assert!(holds.of("tank").unwrap().is_empty());
    }
}
