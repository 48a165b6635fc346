//! Looks at services, their storage, their units and what is noted of them, for all of them at once.

use std::time::Duration;

use declaration::settings::{Service, Snapshots};
use declaration::value::TierName;
use jiff::Timestamp;
use protection::record::{self, Record};
use restore::history::{self, History};
use restore::proof::{self, Drills};
use restore::verdict::{Held, held, verdict};
use storage::memory::{self, What};
use storage::pools::Pool;
use storage::survey::{Surveyed, survey};
use storage::{MarkState, Result, Snapshot, open, policy_snapshots};
use systemd::calendar::{Answer, Calendar};
use systemd::show::{Units, show_if_it_runs};

use super::facts::{Copy, Facts, LOCAL, Makes, Newest, Part, Remembered, Unit};
use super::judge::since;
use super::known::Known;

/// The units of a service: for its storage, for its restores and for its backups.
const KINDS: [&str; 3] = ["dataset", "preseed", "backup"];

/// The units that take and prune the snapshots of all services, and have them prove themselves.
const SNAPSHOTS: [&str; 2] = [
    "storage-snapshots.service",
    "storage-snapshots-proof.service",
];

/// What is looked at besides what always is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    /// Sources far away: repositories, and replicas on other machines.
    pub(crate) far: bool,
    /// Whether the newest snapshots hold the data, also where no promise hangs on it.
    pub(crate) snapshots: bool,
}

/// Gathers what is known of these services, and of their pools.
///
/// # Errors
/// When systemd cannot be asked.
pub(crate) fn gather(services: &[Service], depth: Depth) -> Result<(Vec<Facts>, Vec<Pool>)> {
    let units = units()?;
    let parts: Vec<&Service> = services.iter().flat_map(restored).collect();
    let (seen, pools) = survey(&parts);
    let mut seen = seen.into_iter();
    let mut calendar = Calendar::default();
    let schedules = services.iter().filter_map(drill_schedule);
    calendar.ask_all(&schedules.collect());
    let facts = services.iter().map(|service| {
        let seen: Vec<Surveyed> = seen.by_ref().take(restored(service).count()).collect();
        let facts = of(service, &seen, &units, depth);
        let pause = drill_schedule(service).map(|schedule| calendar.ask(schedule));
        Facts {
            late: late(pause, facts.drills.as_ref().ok()),
            ..facts
        }
    });
    Ok((facts.collect(), pools))
}

fn drill_schedule(service: &Service) -> Option<&str> {
    service.drill.schedule.as_deref()
}

/// For how long its drill is overdue, as the daily timer tells the journal. What systemd cannot read of a schedule is not late.
fn late(pause: Option<Answer>, drills: Option<&Drills>) -> Result<Option<Duration>> {
    match (pause, drills) {
        (Some(Answer::Every(Some(pause))), Some(drills)) => drills.late(pause),
        _ => Ok(None),
    }
}

fn restored(service: &Service) -> impl Iterator<Item = &Service> {
    service.parts().filter(|part| part.is_restored())
}

fn unit_names(service: &Service) -> [String; 3] {
    KINDS.map(|kind| format!("{kind}-{}.service", service.name))
}

/// The units that look after services, in one question however many there are. One that systemd has not loaded has neither
/// failed nor is it at work.
fn units() -> Result<Units> {
    let patterns = KINDS.map(|kind| format!("{kind}-*.service"));
    let patterns = patterns.iter().map(String::as_str);
    let shared = ["maintain-repository-*.service"]
        .into_iter()
        .chain(SNAPSHOTS);
    show_if_it_runs("ActiveState,StatusText", patterns.chain(shared))
}

/// What systemd said of a unit.
fn unit(units: &Units, name: String) -> Unit {
    let unit = units.get(&name);
    let value = |property| unit.map_or("", |unit| unit.value(property)).to_owned();
    Unit {
        state: value("ActiveState"),
        status: value("StatusText"),
        name,
    }
}

/// The units that look after what a service has made, for others as well.
fn shared_names(makes: Makes, service: &Service) -> Vec<String> {
    let snapshots = SNAPSHOTS.into_iter().filter(|_| makes.snapshots);
    let backup = service.backup.as_ref().filter(|_| makes.backups);
    let maintenance =
        backup.map(|backup| format!("maintain-repository-{}.service", backup.repository.name));
    snapshots.map(str::to_owned).chain(maintenance).collect()
}

fn of(service: &Service, seen: &[Surveyed], units: &Units, depth: Depth) -> Facts {
    let name = service.name.as_str();
    let drills = proof::read(name);
    let record = record::read(name);
    let parts = restored(service).zip(seen).map(|(part, seen)| {
        let looked = Looked {
            service,
            part,
            seen,
            own: record::read(part.name.as_str()),
            backups: record.as_ref().ok(),
            drills: drills.as_ref().ok(),
            depth,
        };
        looked.gather()
    });
    let parts = parts.collect();
    let makes = Makes {
        snapshots: matches!(service.snapshots, Some(Snapshots::By(_))),
        backups: service
            .backup
            .as_ref()
            .is_some_and(|backup| backup.schedule.is_some()),
    };
    Facts {
        name: name.to_owned(),
        unit: service
            .units
            .first()
            .map_or_else(|| format!("{name}.service"), ToString::to_string),
        parts,
        promise: service.promise,
        tiers: service.tiers.clone(),
        prefer: service.prefer,
        max_age: service.max_age.clone(),
        units: unit_names(service).map(|name| unit(units, name)),
        shared: shared_names(makes, service)
            .into_iter()
            .map(|name| unit(units, name))
            .collect(),
        makes,
        drills,
        late: Ok(None),
        remembered: remembered(name),
    }
}

fn remembered(name: &str) -> Result<Option<Remembered>> {
    Ok(match memory::noted(name)?.map(|record| record.what) {
        Some(What::Data) => Some(Remembered::Data),
        Some(What::StartedEmpty(_)) => Some(Remembered::StartedEmpty),
        Some(What::Forgotten) | None => None,
    })
}

/// A part, and what was seen and noted of it.
struct Looked<'l> {
    service: &'l Service,
    part: &'l Service,
    seen: &'l Surveyed,
    /// What is noted of its snapshots.
    own: Result<Record>,
    /// What is noted of the service, and so of its backups.
    backups: Option<&'l Record>,
    drills: Option<&'l Drills>,
    depth: Depth,
}

impl Looked<'_> {
    fn gather(&self) -> Part {
        let observation = self.seen.observation.as_ref();
        let mut copies = Vec::new();
        copies.extend(self.local());
        copies.extend(self.replicas());
        copies.extend(self.far());
        Part {
            name: self.part.name.to_string(),
            place: self.seen.place.clone(),
            may_start_empty: self
                .part
                .part
                .as_ref()
                .is_some_and(|part| part.may_start_empty),
            verdict: observation
                .map(|observation| verdict(observation, self.part.on_partial))
                .map_err(Clone::clone),
            lacks: observation.ok().and_then(|seen| seen.contents.lacks()),
            mark: observation.ok().and_then(|seen| match &seen.mark {
                MarkState::Ours(mark) => Some(mark.clone()),
                MarkState::None | MarkState::Foreign(_) => None,
            }),
            record: self.own.clone(),
            is_in_doubt: self.known().is_in_doubt(),
            copies,
        }
    }

    /// What is noted of it.
    fn known(&self) -> Known<'_> {
        Known {
            part: self.part.name.as_str(),
            own: self.own.as_ref().ok(),
            backups: self.backups,
            drills: self.drills,
            now: Timestamp::now(),
        }
    }

    fn asks(&self, tier: TierName) -> bool {
        self.part.tiers.contains(&tier)
    }

    /// Its own snapshots, where they can restore it.
    fn local(&self) -> Option<Copy> {
        let tiers = [TierName::Rollback, TierName::Snapshot];
        let tier = tiers.into_iter().find(|tier| self.asks(*tier))?;
        self.part.storage.dataset()?;
        let held = self.own.as_ref().ok();
        let held = held.and_then(|record| record.held.as_ref());
        let held = held.map(|held| held.snapshot.as_str());
        Some(self.copy(tier, LOCAL, &self.seen.snapshots, held))
    }

    fn replicas(&self) -> Vec<Copy> {
        if !self.asks(TierName::Snapshot) {
            return Vec::new();
        }
        let replicas = self.seen.replicas.iter();
        replicas
            .map(|(name, snapshots)| self.copy(TierName::Snapshot, name, snapshots, None))
            .collect()
    }

    /// A source on this machine, which was listed.
    fn copy(
        &self,
        tier: TierName,
        source: &str,
        snapshots: &Result<Vec<Snapshot>>,
        held: Option<&str>,
    ) -> Copy {
        let known = self.known();
        let mut good = None;
        let newest = snapshots.as_ref().map_err(Clone::clone).map(|snapshots| {
            good = snapshots
                .iter()
                .find(|snapshot| known.is_good(snapshot, held))
                .cloned();
            // A backup's own goes with it.
            let is_lasting =
                |snapshot: &&Snapshot| !policy_snapshots::is_of_a_backup(&snapshot.name);
            let newest = snapshots.iter().find(is_lasting);
            newest.map(|newest| Newest {
                snapshot: newest.clone(),
                held: self.look_into(newest, good.as_ref()),
                is_noted: false,
            })
        });
        Copy {
            tier,
            source: source.to_owned(),
            newest,
            good,
            is_unasked: false,
        }
    }

    /// Whether a snapshot holds the data, if that is wanted. `good`: the newest one that has proved itself.
    fn look_into(&self, snapshot: &Snapshot, good: Option<&Snapshot>) -> Option<Result<Held>> {
        if good.is_some_and(|good| good.name == snapshot.name) {
            return Some(Ok(Held::Data));
        }
        let keeps_the_promise =
            |point| good.is_some_and(|good| since(good.taken, Timestamp::now()) < point);
        let promise = self.service.promise.recovery_point;
        let is_needed = promise.is_some_and(|point| !keeps_the_promise(point));
        if !self.depth.snapshots && !is_needed {
            return None;
        }
        let storage = open(self.part);
        let contents = storage.with_snapshots()?.snapshot_contents(snapshot);
        let now = self.seen.observation.as_ref().ok();
        let now = now.map(|seen| seen.contents.clone()).unwrap_or_default();
        Some(contents.map(|contents| held(&contents, &now)))
    }

    /// What is known of its repository and, where they are asked, of replicas on other machines.
    fn far(&self) -> Vec<Copy> {
        let noted = self.noted();
        if !self.depth.far {
            return noted.into_iter().chain(self.far_replicas()).collect();
        }
        let asked = history::far(self.part, Some(1));
        let history = match asked {
            Ok(history) => history,
            Err(error) => {
                let failed = noted.into_iter().chain(self.far_replicas());
                return failed
                    .map(|copy| Copy {
                        newest: Err(error.clone()),
                        is_unasked: false,
                        ..copy
                    })
                    .collect();
            }
        };
        let unasked = noted.into_iter().chain(self.far_replicas());
        unasked.map(|copy| self.asked(copy, &history)).collect()
    }

    /// What the source of a copy told.
    fn asked(&self, copy: Copy, history: &History) -> Copy {
        let name = copy.name();
        let is_it = |source: &str| source == name;
        let failed = history.not_asked.iter().find(|(source, _)| is_it(source));
        let told: Vec<_> = history
            .entries
            .iter()
            .filter(|entry| is_it(&entry.source))
            .collect();
        let noted = copy.good.as_ref().map(|good| good.name.clone());
        let known = self.known();
        let good = told
            .iter()
            .find(|entry| known.is_good(&entry.snapshot, noted.as_deref()));
        let newest = told.first().map(|entry| Newest {
            snapshot: entry.snapshot.clone(),
            held: entry.held.clone(),
            is_noted: false,
        });
        Copy {
            newest: failed.map_or(Ok(newest), |(_, error)| Err(error.clone())),
            good: good.map(|entry| entry.snapshot.clone()),
            is_unasked: false,
            ..copy
        }
    }

    /// Its repository, as far as is noted.
    fn noted(&self) -> Option<Copy> {
        let backup = self
            .part
            .backup
            .as_ref()
            .filter(|_| self.asks(TierName::Restic))?;
        Some(self.known().backups_in(Copy {
            tier: TierName::Restic,
            source: backup.repository.name.clone(),
            newest: Ok(None),
            good: None,
            is_unasked: true,
        }))
    }

    /// Replicas on other machines, of which nothing is known unless they are asked.
    fn far_replicas(&self) -> Vec<Copy> {
        if !self.asks(TierName::Snapshot) {
            return Vec::new();
        }
        let far = self.part.replicas.iter();
        let far = far.filter(|replica| replica.host.is_some());
        far.map(|replica| Copy {
            tier: TierName::Snapshot,
            source: replica.name.clone(),
            newest: Ok(None),
            good: None,
            is_unasked: true,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_drill_is_late_when_its_schedule_would_have_had_it_done() {
        let day = Duration::from_hours(24);
        let drills = Drills {
            ended: Some(Timestamp::now()),
            waited: 9 * day.as_secs(),
            ..Drills::default()
        };
        let late = |pause| late(pause, Some(&drills)).unwrap();
        assert!(late(Some(Answer::Every(Some(7 * day)))) >= Some(9 * day));
        assert_eq!(late(Some(Answer::Every(Some(9 * day)))), None);
        assert_eq!(late(Some(Answer::Every(None))), None);
        assert_eq!(late(Some(Answer::Unknown)), None);
        assert_eq!(late(None), None);
    }
}
