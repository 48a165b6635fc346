//! `[snapshots]` of a service's file: when snapshots of its data are taken.

use super::key::keys;
use super::outcome::Outcome;
use super::snapshot_policy::{EXTERNAL, Policy};
use crate::given::Given;
use crate::validation::Validation;
use crate::value::SharedName;

keys! {
    /// When snapshots of the service's dataset are taken, and how many are kept.
    table "[snapshots]";

    /// The name of a `[snapshot-policy.NAME]`, of `preseed.toml` or shipped (`production`, `services`). `external` says
    /// that somebody else takes them.
    policy: SharedName = "policy", default "none", example "\"services\"";
}

/// When snapshots of a service are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshots {
    /// By preseed, as this policy says.
    By(Policy),
    /// By somebody else (`policy = "external"`).
    External,
}

/// Each key's value as it holds in the end.
pub(crate) fn outcome(snapshots: Option<&Snapshots>) -> Vec<(&'static str, Outcome)> {
    let policy = Outcome::or_nothing(snapshots, |snapshots| match snapshots {
        Snapshots::By(policy) => policy.outcome(),
        Snapshots::External => Outcome::text(EXTERNAL),
    });
    vec![("policy", policy)]
}

impl Fragment {
    /// When snapshots are taken. What is wrong is noted.
    pub(crate) fn check(&mut self, validation: &mut Validation<'_>) -> Given<Snapshots> {
        let at = match std::mem::take(&mut self.policy) {
            Given::No => return Given::No,
            Given::Unreadable => return Given::Unreadable,
            Given::Value(at) => at,
        };
        if at.value.0 == EXTERNAL {
            return Given::Value(at.map(|_| Snapshots::External));
        }
        let host = validation.host;
        let found = validation.resolve(&host.policies, "snapshot-policy", &at);
        match found {
            Some(policy) => Given::Value(at.map(|_| Snapshots::By(policy.clone()))),
            None => Given::Unreadable,
        }
    }
}
