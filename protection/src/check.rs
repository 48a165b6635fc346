//! What a service's declaration of its protection amounts to, as a whole: which tiers could restore it, what feeds them, and
//! what cannot work.

mod feed;
mod inside;

use std::time::Duration;

use declaration::settings::{Backup, Host, Policy, Service, Snapshots};
use declaration::value::TierName;
use systemd::calendar::{Answer, Calendar};

use self::feed::{Every, Feed, tiers_of, too_seldom};
use crate::admins_sanoid::{Admins, Cover, KINDS};
use crate::targets::value;
use crate::{ready, scripts};

/// The tiers that restore from a dataset's own snapshots.
const OF_SNAPSHOTS: [TierName; 2] = [TierName::Rollback, TierName::Snapshot];

/// How many minutes lie between two runs of storage-snapshots.timer.
const TIMER: u64 = 15;

/// What was found of a service.
#[derive(Debug, Default)]
pub struct Findings {
    /// What cannot work, each in words.
    pub warnings: Vec<String>,
    /// Which tiers could restore it, and what feeds them; each in words.
    pub notes: Vec<String>,
}

/// What one look at all declarations needs of the machine.
#[derive(Debug, Default)]
pub struct Machine {
    admins: Admins,
    /// Why what an admin's own Sanoid covers cannot be told.
    unread: Option<String>,
    calendar: Calendar,
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
            calendar: Calendar::default(),
        }
    }

    /// Asks systemd for the calendar events of all these services at once, which [`Machine::check`] needs.
    pub fn ask(&mut self, services: &[Service]) {
        let backups = services.iter();
        let backups = backups.filter_map(|service| service.backup.as_ref());
        let events = backups.filter_map(|backup| {
            let maintenance = backup.repository.maintenance.as_str();
            Some([backup.schedule.as_deref()?, maintenance])
        });
        self.calendar.ask_all(&events.flatten().collect());
    }

    /// Looks at the protection of a service of the host.
    pub fn check(&mut self, host: &Host, service: &Service) -> Findings {
        let mut findings = Findings::default();
        let mut feeds = Vec::new();
        feeds.extend(self.snapshots(service, &mut findings));
        feeds.extend(service.replicas.iter().map(|replica| Feed {
            tiers: vec![TierName::Snapshot],
            what: format!(
                "the replica {} ({}), by somebody else",
                replica.name,
                replica.dataset.as_str()
            ),
            every: Every::Unknown,
        }));
        if let Some(backup) = &service.backup {
            let told = inside::of_repository(host, service, &backup.repository);
            findings.warnings.extend(told);
            feeds.push(self.backup(service, backup, &mut findings));
        }
        if let Some(schedule) = &service.drill.schedule {
            self.pause("schedule", schedule, &mut findings);
        }
        findings.warnings.extend(too_seldom(service, &feeds));
        let restoring = feeds.iter().filter(|feed| !feed.tiers.is_empty());
        findings.notes.extend(restoring.map(Feed::in_words));
        self.places(service, &mut findings);
        findings
    }

    /// What feeds the tiers that restore from snapshots.
    fn snapshots(&self, service: &Service, findings: &mut Findings) -> Option<Feed> {
        let mut warn = |what: String| findings.warnings.push(what);
        let Some(dataset) = service.storage.dataset() else {
            if service.snapshots.is_some() {
                warn("`policy` in [snapshots]: a directory has no snapshots: remove it, or let somebody else's program take them".to_owned());
            }
            return None;
        };
        let tiers = tiers_of(service, &OF_SNAPSHOTS);
        if tiers.is_empty() {
            if service.snapshots.is_some() {
                warn("`policy` in [snapshots]: none of its `tiers` restores from snapshots: add \"rollback\" and \"snapshot\"".to_owned());
            }
            return None;
        }
        let name = dataset.name.as_str();
        if let Some(unread) = &self.unread {
            warn(unread.clone());
            return Some(Feed {
                tiers,
                what: format!("by whom snapshots of {name} are taken cannot be told"),
                every: Every::Unknown,
            });
        }
        let (what, every) = match (&service.snapshots, self.admins.covers(name)) {
            (Some(Snapshots::By(policy)), None) => {
                if let Err(error) = scripts::must_be_roots(policy) {
                    warn(error.to_string());
                }
                let by = if policy.is_taken_by_sanoid() {
                    ", by Sanoid itself for its scripts, so one dataset after the other and not of one moment"
                } else {
                    ""
                };
                let what = format!("snapshots by the policy {} ({}){by}", policy.name, kept(policy));
                (what, Every::Within(pause(policy)))
            }
            (policy, Some(cover)) => {
                let own = match policy {
                    Some(Snapshots::By(policy)) => format!(
                        ", which covers {name}: preseed leaves it alone, and the policy {} does not hold; nothing is held for it",
                        policy.name
                    ),
                    _ => String::new(),
                };
                if cover.every.is_none() {
                    warn(only_prunes(&cover, name));
                }
                let every = cover.every.map_or(Every::Never, Every::Within);
                (format!("snapshots by {}{own}", cover.at), every)
            }
            (Some(Snapshots::External), None) => (
                "snapshots by somebody else (`policy = \"external\"`), and not by /etc/sanoid/sanoid.conf".to_owned(),
                Every::Unknown,
            ),
            (None, None) => {
                warn(nothing_takes(name, &tiers));
                ("no snapshots are taken".to_owned(), Every::Never)
            }
        };
        Some(Feed { tiers, what, every })
    }

    /// Tells of places whose snapshots an admin's own Sanoid takes, or only prunes.
    fn places(&self, service: &Service, findings: &mut Findings) {
        if !matches!(service.snapshots, Some(Snapshots::By(_))) {
            return;
        }
        for place in &service.places {
            let dataset = place.storage.dataset().map(|dataset| dataset.name.as_str());
            if let Some((dataset, cover)) =
                dataset.and_then(|it| Some((it, self.admins.covers(it)?)))
            {
                if cover.every.is_none() {
                    findings.warnings.push(only_prunes(&cover, dataset));
                    continue;
                }
                findings.notes.push(format!(
                    "snapshots by {}, which covers {dataset}: preseed leaves it alone",
                    cover.at
                ));
            }
        }
    }

    /// What feeds the tier that restores from backups.
    fn backup(&mut self, service: &Service, backup: &Backup, findings: &mut Findings) -> Feed {
        let repository = &backup.repository;
        let tiers = tiers_of(service, &[TierName::Restic]);
        let mut feed = Feed {
            tiers,
            what: format!("repository {}, backed up by somebody else", repository.name),
            every: Every::Unknown,
        };
        let Some(schedule) = &backup.schedule else {
            if backup.keep.is_some() || !backup.before.is_empty() || !backup.after.is_empty() {
                findings.warnings.push(
                    "`keep`, `before` and `after` in [backup] mean nothing without `schedule`: add it, or remove them".to_owned(),
                );
            }
            return feed;
        };
        if let Err(error) = ready::must_be_found_again(service, backup) {
            let told = format!("{}: {}", error.what(), error.help());
            findings.warnings.push(told);
        }
        if feed.tiers.is_empty() {
            findings.warnings.push(
                "`schedule` in [backup]: none of its `tiers` restores from the backups: add \"restic\"".to_owned(),
            );
        }
        feed.every = self.pause("schedule", schedule, findings);
        self.pause("maintenance", &repository.maintenance, findings);
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
        feed.what = format!(
            "backups to repository {}, {schedule}; {kept}",
            repository.name
        );
        feed
    }

    /// How often a calendar event comes. What cannot be read is told.
    fn pause(&mut self, key: &str, event: &str, findings: &mut Findings) -> Every {
        match self.calendar.ask(event) {
            Answer::Unknown => Every::Unknown,
            Answer::Every(pause) => pause.map_or(Every::Never, Every::Within),
            Answer::Refused(why) => {
                findings.warnings.push(format!(
                    "`{key} = \"{event}\"`: systemd cannot read it: {why}"
                ));
                Every::Unknown
            }
        }
    }
}

fn nothing_takes(dataset: &str, tiers: &[TierName]) -> String {
    let named: Vec<String> = tiers.iter().map(|tier| format!("`{tier}`")).collect();
    format!(
        "nothing takes snapshots of {dataset}, which the tiers {} restore from: name a `policy` in [snapshots] \
         (\"external\" if somebody else takes them), or leave them out of `tiers`",
        named.join(" and ")
    )
}

fn only_prunes(cover: &Cover, dataset: &str) -> String {
    format!(
        "{}: it only prunes the snapshots of {dataset}, and takes none",
        cover.at
    )
}

/// How many a policy keeps, in words.
fn kept(policy: &Policy) -> String {
    let kept = KINDS.iter().map(|(kind, ..)| (kind, value(policy, kind)));
    let kept = kept.filter(|(_, count)| *count > 0);
    let kept: Vec<String> = kept
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    kept.join(", ")
}

/// How much time lies between two snapshots of a policy at most: whatever is declared, none is taken more often than
/// storage-snapshots.timer comes.
fn pause(policy: &Policy) -> Duration {
    let kept = KINDS.iter().find(|(kind, ..)| value(policy, kind) > 0);
    let minutes = kept.map(|(kind, _, minutes)| match *kind {
        "frequently" => {
            let period = u64::try_from(value(policy, "frequent_period"));
            period.unwrap_or(u64::MAX).max(TIMER)
        }
        _ => *minutes,
    });
    Duration::from_mins(minutes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_place_that_an_admin_only_prunes_is_warned_of() {
        let service = declared::service(
            "app",
            None,
            "[dataset]\nname = \"tank/app\"\nmountpoint = \"/srv/app\"\n[snapshots]\npolicy = \"services\"\n\
             [place.covers]\nname = \"tank/covers\"\nmountpoint = \"/srv/covers\"\n",
        ).unwrap();
        let told = |keys: &str| {
            let machine = Machine {
                admins: Admins::parse(&format!("[tank/covers]\nhourly = 4\n{keys}")),
                ..Machine::default()
            };
            let mut findings = Findings::default();
            machine.places(&service, &mut findings);
            (findings.warnings, findings.notes)
        };
        let (warnings, notes) = told("autosnap = no\n");
        assert_eq!(notes, [""; 0]);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("only prunes the snapshots of tank/covers"));
        let (warnings, notes) = told("");
        assert_eq!((warnings.len(), notes.len()), (0, 1));
    }

    #[test]
    fn an_admins_file_that_cannot_be_read_is_none_that_covers_nothing() {
        let service = declared::service(
            "app",
            None,
            "[dataset]\nname = \"tank/app\"\nmountpoint = \"/srv/app\"\n[snapshots]\npolicy = \"services\"\n",
        )
        .unwrap();
        let told = |unread: Option<String>| {
            let machine = Machine {
                unread,
                ..Machine::default()
            };
            let mut findings = Findings::default();
            let feed = machine.snapshots(&service, &mut findings).unwrap();
            (feed.what, findings.warnings)
        };
        let (what, warnings) = told(Some("it may cover any dataset".to_owned()));
        assert!(what.contains("tank/app are taken cannot be told"), "{what}");
        assert_eq!(warnings, ["it may cover any dataset"]);
        let (what, warnings) = told(None);
        assert!(what.contains("by the policy services"), "{what}");
        assert!(warnings.is_empty());
    }

    #[test]
    fn no_snapshots_come_more_often_than_their_timer() {
        let minutes = |frequent_period| {
            let policy = Policy {
                name: "often".to_owned(),
                keys: vec![("frequently", 4), ("frequent_period", frequent_period)],
                scripts: Vec::new(),
            };
            pause(&policy).as_secs() / 60
        };
        assert_eq!([1, 5, 15, 30].map(minutes), [15, 15, 15, 30]);
        let timer = include_str!("../../units/storage-snapshots.timer");
        assert!(timer.contains(&format!("OnCalendar=*:0/{TIMER}\n")));
    }
}
