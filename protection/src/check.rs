//! What a service's declaration of its protection amounts to, as a whole: what feeds each tier, and what cannot work.

use std::collections::BTreeMap;
use std::time::Duration;

use declaration::settings::{Backup, Repository, Service, Snapshots};
use declaration::value::TierName;
use storage::command::command;
use storage::watched::run_within;

use crate::admins_sanoid::Admins;
use crate::ready;

/// How long systemd is asked for a calendar event.
const LIMIT: Duration = Duration::from_secs(10);

/// What was found of a service.
#[derive(Debug, Default)]
pub struct Findings {
    /// What cannot work, each in words.
    pub warnings: Vec<String>,
    /// What feeds its tiers, each in words.
    pub notes: Vec<String>,
}

/// What one look at all declarations needs of the machine.
#[derive(Debug, Default)]
pub struct Machine {
    admins: Admins,
    /// Why what an admin's own Sanoid covers cannot be told.
    unread: Option<String>,
    /// What systemd said of the calendar events that it was asked for.
    events: BTreeMap<String, Option<String>>,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        let (admins, unread) = match Admins::read() {
            Ok(admins) => (admins, None),
            Err(error) => (Admins::default(), Some(error.to_string())),
        };
        Self {
            admins,
            unread,
            events: BTreeMap::new(),
        }
    }

    /// Looks at a service's protection.
    pub fn check(&mut self, service: &Service) -> Findings {
        let mut findings = Findings::default();
        self.snapshots(service, &mut findings);
        if let Some(backup) = &service.backup {
            self.backup(service, backup, &mut findings);
        }
        findings
    }

    fn snapshots(&self, service: &Service, findings: &mut Findings) {
        let Some(snapshots) = &service.snapshots else {
            return;
        };
        let mut warn = |what: String| findings.warnings.push(what);
        if let Some(unread) = &self.unread {
            warn(unread.clone());
        }
        let Some(dataset) = service.storage.dataset() else {
            warn("`policy` in [snapshots]: a directory has no snapshots: remove it, or let somebody else's program take them".to_owned());
            return;
        };
        let restores = [TierName::Rollback, TierName::Snapshot]
            .iter()
            .any(|tier| service.tiers.contains(tier));
        if !restores {
            warn("`policy` in [snapshots]: none of its `tiers` restores from snapshots: add \"rollback\" and \"snapshot\"".to_owned());
        }
        for place in &service.places {
            let dataset = place.storage.dataset().map(|dataset| dataset.name.as_str());
            if let Some((dataset, at)) = dataset.and_then(|it| Some((it, self.admins.covers(it)?)))
            {
                let note =
                    format!("snapshots by {at}, which covers {dataset}: preseed leaves it alone");
                findings.notes.push(note);
            }
        }
        let mut warn = |what: String| findings.warnings.push(what);
        let covered = self.admins.covers(dataset.name.as_str());
        match (snapshots, covered) {
            (Snapshots::By(policy), None) => {
                findings.notes.push(format!("snapshots by the policy {}", policy.name));
            }
            (Snapshots::By(policy), Some(at)) => findings.notes.push(format!(
                "snapshots by {at}, which covers {}: preseed leaves it alone, and the policy {} does not hold; nothing is held \
                 for it",
                dataset.name, policy.name
            )),
            (Snapshots::External, Some(at)) => findings.notes.push(format!("snapshots by {at}")),
            (Snapshots::External, None) => warn(format!(
                "`policy = \"external\"`: nothing in /etc/sanoid/sanoid.conf covers {}: see that something else takes its snapshots",
                dataset.name
            )),
        }
    }

    fn backup(&mut self, service: &Service, backup: &Backup, findings: &mut Findings) {
        let repository = &backup.repository;
        lies_in_itself(service, repository, findings);
        let Some(schedule) = &backup.schedule else {
            if backup.keep.is_some() || !backup.before.is_empty() || !backup.after.is_empty() {
                findings.warnings.push(
                    "`keep`, `before` and `after` in [backup] mean nothing without `schedule`: add it, or remove them".to_owned(),
                );
            }
            return;
        };
        if let Err(error) = ready::must_be_found_again(service, backup) {
            findings.warnings.push(error.to_string());
        }
        if !service.tiers.contains(&TierName::Restic) {
            findings.warnings.push(
                "`schedule` in [backup]: none of its `tiers` restores from the backups: add \"restic\"".to_owned(),
            );
        }
        for (key, event) in [
            ("schedule", schedule),
            ("maintenance", &repository.maintenance),
        ] {
            if let Some(why) = self.refuses(event) {
                findings.warnings.push(format!(
                    "`{key} = \"{event}\"`: systemd cannot read it: {why}"
                ));
            }
        }
        if repository.append_only && backup.keep.is_some() {
            findings.warnings.push(format!(
                "`keep` in [backup]: this machine may only add to repository {}: whoever manages that must forget and prune",
                repository.name
            ));
        }
        let kept = if repository.append_only {
            "nothing is forgotten from here: whoever manages the repository must"
        } else if backup.keep.is_none() {
            "all are kept"
        } else {
            "forgotten as `keep` says"
        };
        findings.notes.push(format!(
            "backups to repository {}, {schedule}; {kept}",
            repository.name
        ));
    }

    /// Why systemd cannot read a calendar event; `None` also where it cannot be asked.
    fn refuses(&mut self, event: &str) -> Option<String> {
        let asked = || {
            let mut asked = command("systemd-analyze", ["calendar", "--", event]);
            let ended = run_within(&mut asked, LIMIT).ok()?;
            (!ended.status.success()).then_some(ended.stderr)
        };
        self.events
            .entry(event.to_owned())
            .or_insert_with(asked)
            .clone()
    }
}

/// That a repository, or what opens it, lies in the data that it is a backup of.
fn lies_in_itself(service: &Service, repository: &Repository, findings: &mut Findings) {
    for secret in [
        Some(&repository.password_file),
        repository.environment_file.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        if secret.starts_with(&*service.mountpoint) {
            findings.warnings.push(format!(
                "{} lies in what is to be restored with it: move it, and keep a copy elsewhere",
                secret.display()
            ));
        }
    }
    if repository
        .local_directory()
        .is_some_and(|path| path.starts_with(&*service.mountpoint))
    {
        findings.warnings.push(format!(
            "repository {} lies in the data that it is a backup of: move it to another disk",
            repository.name
        ));
    }
}
