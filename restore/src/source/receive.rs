//! A replica's snapshot, by `zfs send | zfs receive`.

use std::collections::BTreeSet;

use declaration::Search;
use declaration::settings::Replica;
use declaration::value::TierName;
use report::Progress;
use storage::{Contents, Error, Origin, Result, Snapshot, local};

use super::{Context, Elsewhere, Failure, Restored, Snapshots, Source, all_of};
use crate::{remember, staged};

/// See the module.
pub(super) struct Receive<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) replica: &'a Replica,
}

impl Source for Receive<'_> {
    fn tier(&self) -> TierName {
        TierName::Snapshot
    }

    fn name(&self) -> String {
        format!("replica {}", self.replica.name)
    }

    fn needs_network(&self) -> bool {
        self.replica.host.is_some()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        let storage = self.context.storage;
        storage.replica_snapshots(self.replica).map(all_of)
    }

    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        failure
            .is_open()
            .then(|| self.context.storage.replica_snapshots(self.replica))
    }

    fn elsewhere(&self) -> Result<Elsewhere> {
        let given_up = remember::given_up(self.context.service, self.context.observation);
        let taken: BTreeSet<String> = declaration::load(&Search::from_env())
            .services
            .into_iter()
            .flat_map(|other| other.preseed.replicas)
            .filter(|replica| replica.host == self.replica.host)
            .map(|replica| replica.dataset.to_string())
            .collect();
        let elsewhere = self.context.storage.replicas_elsewhere(self.replica)?;
        let may_be_its = elsewhere.iter().filter_map(|newest| {
            let (dataset, _) = newest.name.split_once('@')?;
            (!taken.contains(dataset)).then_some((dataset, newest))
        });
        let (doubtful, harmless): (Vec<_>, Vec<_>) =
            may_be_its.partition(|(_, newest)| Some(newest.taken) > given_up);
        let in_words = |datasets: &[(&str, &Snapshot)]| {
            let words = datasets.iter().map(|(dataset, newest)| {
                format!(
                    "{dataset}, the newest snapshot of which is of {}",
                    local(newest.taken)
                )
            });
            words.collect::<Vec<_>>().join("; ")
        };
        let (service, replica) = (self.context.service.name.as_str(), &self.replica.name);
        Ok(Elsewhere {
            doubt: doubtful.first().map(|(first, _)| {
                let parent = first.rsplit_once('/').map_or(*first, |(parent, _)| parent);
                Error::new(
                    self.name(),
                    format!("it holds what may be {service}'s data: {}", in_words(&doubtful)),
                    format!(
                        "if it is, write `parent = \"{parent}\"` below [replica.{replica}] in /etc/preseed/preseed.toml, or \
                         rename it; if it is not wanted, `preseedctl forget {service}` lets the service start empty"
                    ),
                )
            }),
            remark: (!harmless.is_empty())
                .then(|| format!("what was given up is left alone: {}", in_words(&harmless))),
        })
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.context.contents_of(snapshot)
    }

    fn origin<'s>(&self, snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        Some(self.context.origin(Origin::Receive(snapshot)))
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let whole = Origin::Receive(snapshot);
        staged::restore_snapshot(self.context, &whole, "receive", snapshot, progress)
    }
}
