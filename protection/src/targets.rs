//! The datasets whose snapshots are taken, held and pruned here.

use declaration::settings::{Policy, Service, Snapshots};
use storage::{Result, as_found, frozen};

use crate::admins_sanoid::Admins;
use crate::sanoid::Section;

/// A service whose snapshots are taken here.
pub(crate) struct Target<'a> {
    /// The service, or a place of one.
    pub(crate) service: Service,
    pub(crate) dataset: String,
    pub(crate) policy: &'a Policy,
    /// Whether backups of the service are made here: without any, none proves itself any more.
    pub(crate) is_backed_up: bool,
}

impl Target<'_> {
    /// Its section as Sanoid is asked what is due.
    pub(crate) fn asked(&self) -> Section<'_> {
        Section {
            dataset: &self.dataset,
            policy: self.policy,
            prunes: false,
            runs_scripts: false,
        }
    }

    /// Whether Sanoid itself takes its snapshots.
    pub(crate) fn is_sanoids(&self) -> bool {
        self.policy.is_taken_by_sanoid()
    }
}

/// These one by one, but for the places of a service that must be of one time, as far as they are taken so: Sanoid takes one
/// dataset after the other.
pub(crate) fn of_one_time<'t, 'a>(
    targets: &'t [Target<'a>],
) -> impl Iterator<Item = &'t [Target<'a>]> {
    targets.chunk_by(|one, next| {
        are_of_one_time(&one.service, one.policy) && one.service.of() == next.service.of()
    })
}

/// Whether the places of a service must be of one time, and are taken so.
pub(crate) fn are_of_one_time(service: &Service, policy: &Policy) -> bool {
    service.together && !policy.is_taken_by_sanoid()
}

/// The dataset and the policy of a service whose snapshots preseed takes.
pub fn declared(service: &Service) -> Option<(&str, &Policy)> {
    let dataset = service.storage.dataset()?;
    match &service.snapshots {
        Some(Snapshots::By(policy)) => Some((dataset.name.as_str(), policy)),
        _ => None,
    }
}

/// Each dataset of a service that has its data, but for those that an admin's own Sanoid covers.
pub(crate) fn of_its_parts<'a>(
    service: &Service,
    policy: &'a Policy,
    admins: &Admins,
) -> Result<Vec<Target<'a>>> {
    let there = frozen::parts(service)?;
    let is_there = |dataset: &str| {
        there
            .iter()
            .any(|part| part.dataset.as_deref() == Some(dataset))
    };
    let backup = service.backup.as_ref();
    let is_backed_up = backup.is_some_and(|backup| backup.schedule.is_some());
    let mut targets = Vec::new();
    for part in service.parts() {
        let Some(dataset) = part.storage.dataset().map(|dataset| dataset.name.as_str()) else {
            continue;
        };
        if is_there(dataset) && admins.covers(dataset).is_none() {
            targets.push(Target {
                service: as_found::whole(part)?.into_owned(),
                dataset: dataset.to_owned(),
                policy,
                is_backed_up,
            });
        }
    }
    Ok(targets)
}

/// The target of which a snapshot is.
pub(crate) fn of<'t, 'a>(targets: &'t [Target<'a>], snapshot: &str) -> Option<&'t Target<'a>> {
    let (dataset, _) = snapshot.split_once('@')?;
    targets.iter().find(|target| target.dataset == dataset)
}

/// The value of one of a policy's keys; 0 if it has none.
pub(crate) fn value(policy: &Policy, key: &str) -> usize {
    let found = policy.keys.iter().find(|(name, _)| *name == key);
    found.map_or(0, |(_, count)| *count)
}
