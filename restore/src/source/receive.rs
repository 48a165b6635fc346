//! A replica's snapshot, by `zfs send | zfs receive`.

use std::collections::BTreeSet;

use declaration::Search;
use declaration::settings::Replica;
use declaration::value::TierName;
use storage::{Contents, Error, ErrorKind, Origin, Result, Snapshot, local, replica};

use crate::context::Context;
use crate::failure::Failure;
use crate::remember;
use crate::source::{Bring, Elsewhere, Snapshots, Source, all_of};

/// See the module.
struct Receive<'a> {
    context: &'a Context<'a>,
    replica: &'a Replica,
}

/// The sources of this kind, one for each replica, if the tier is theirs.
pub(super) fn of<'a>(context: &'a Context<'a>, tier: TierName) -> Vec<Box<dyn Source + 'a>> {
    if tier != TierName::Snapshot {
        return Vec::new();
    }
    let replicas = context.service.replicas.iter();
    replicas
        .map(|replica| Box::new(Receive { context, replica }) as Box<dyn Source + 'a>)
        .collect()
}

impl Receive<'_> {
    fn list(&self) -> Result<Vec<Snapshot>> {
        let storage = self.context.with_snapshots()?;
        storage.complete(replica::snapshots(self.replica)?)
    }
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
        self.list().map(all_of)
    }

    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        failure.is_open().then(|| self.list())
    }

    fn elsewhere(&self) -> Result<Elsewhere> {
        let given_up = remember::given_up(self.context);
        let taken: BTreeSet<String> = declaration::load(&Search::from_env())
            .parts()
            .into_iter()
            .flat_map(|other| other.preseed.replicas)
            .filter(|replica| replica.host == self.replica.host)
            .map(|replica| replica.dataset.to_string())
            .collect();
        let elsewhere = replica::elsewhere(self.replica)?;
        let elsewhere = self.context.with_snapshots()?.complete(elsewhere)?;
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
                ).of_kind(ErrorKind::InDoubt)
            }),
            remark: (!harmless.is_empty())
                .then(|| format!("what was given up is left alone: {}", in_words(&harmless))),
        })
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.context.contents_of(snapshot)
    }

    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        let whole = Origin::Receive(snapshot);
        Ok(Bring::of_this_machine(self.context, "receive", whole))
    }
}
