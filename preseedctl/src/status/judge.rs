//! What is made of what was found: how well it is with a service, and what to do about what is not.

mod drills;

use std::time::Duration;

use declaration::settings::Prefer;
use declaration::value::TierName;
use jiff::Timestamp;
use report::progress::percent;
use restore::proof::Drilled;
use restore::verdict::Verdict;
use storage::mark::BOOTSTRAP;
use storage::{Snapshot, local};

use super::facts::{Copy, Facts, Part, Remembered, until};
use super::state::{Data, State, Trouble};
use crate::kept::span;

/// What would be restored if the data were lost now.
#[derive(Debug)]
pub(crate) struct Way<'f> {
    pub(crate) tier: TierName,
    pub(crate) copy: &'f Copy,
    /// `None`: that source is to be asked first.
    pub(crate) snapshot: Option<&'f Snapshot>,
}

/// How it is with a service.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) state: State,
    /// How far a restore is, in percent.
    pub(crate) percent: Option<u8>,
    /// The worst first.
    pub(crate) troubles: Vec<Trouble>,
    /// When the newest state was that a good copy of each part holds.
    pub(crate) good: Option<Timestamp>,
    /// How long a restore of all parts took in the last drills; whether a part of that is an estimate.
    pub(crate) took: Option<(Duration, bool)>,
}

/// Judges what was found of a service.
pub(crate) fn judge(facts: &Facts, now: Timestamp) -> Judged {
    let mut judging = Judging {
        facts,
        now,
        troubles: Vec::new(),
    };
    let percent = judging.units();
    let has_data = judging.data();
    let good = good(facts, now);
    let took = took(facts);
    if has_data {
        judging.copies();
        judging.recovery_point(good);
        judging.recovery_time(took);
        judging.troubles.extend(drills::troubles(facts));
        judging.protection();
    }
    let mut troubles = judging.troubles;
    troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.state));
    Judged {
        state: troubles.first().map_or(State::Well, |first| first.state),
        percent,
        troubles,
        good,
        took,
    }
}

/// Whether the data of a part is there.
pub(crate) fn data(facts: &Facts, part: &Part) -> Data {
    let had_data = || {
        let was_restored = part.mark.as_ref().is_some_and(|mark| mark.by != BOOTSTRAP);
        let is_remembered = match facts.remembered {
            Ok(None) => false,
            // It is where it was put then.
            Ok(Some(Remembered::StartedEmpty)) => part.mark.is_none(),
            // What cannot be read is not "it never had data".
            Ok(Some(Remembered::Data)) | Err(_) => true,
        };
        was_restored || is_remembered || part.good(Timestamp::MAX).is_some()
    };
    match part.verdict {
        Err(_) => Data::Unknown,
        Ok(Verdict::Present | Verdict::Adopt | Verdict::Finish) => Data::There,
        Ok(Verdict::Partly) => Data::Partly,
        Ok(Verdict::Unmounted) => Data::NotMounted,
        Ok(Verdict::Restore(_)) if part.may_start_empty => Data::NotYet,
        Ok(Verdict::Restore(_)) if had_data() => Data::Gone,
        Ok(Verdict::Restore(_)) => Data::NotYet,
    }
}

/// The parts whose loss is one of data.
fn needed(facts: &Facts) -> impl Iterator<Item = &Part> {
    facts.parts.iter().filter(|part| !part.may_start_empty)
}

/// When the newest state was of which each part has a good copy.
fn good(facts: &Facts, now: Timestamp) -> Option<Timestamp> {
    let times = needed(facts).map(|part| Some(part.good(until(now))?.taken));
    // One that has none leaves the service without.
    times.min().flatten()
}

/// What would restore a part if its data were lost now: as a restore asks the sources, the tiers in their order, those that
/// hold only what is too old last.
pub(crate) fn way<'f>(facts: &Facts, part: &'f Part, now: Timestamp) -> Option<Way<'f>> {
    let is_old = |tier: TierName, snapshot: &Snapshot| {
        let most = facts.max_age.get(&tier);
        most.is_some_and(|most| since(snapshot.taken, now) > *most)
    };
    let ways = facts.tiers.iter().flat_map(|tier| {
        let of_tier = part.copies.iter().filter(move |copy| copy.tier == *tier);
        of_tier.filter_map(way_by)
    });
    let mut ways: Vec<Way<'f>> = ways.collect();
    if facts.prefer == Prefer::Newest {
        ways.sort_by_key(|way| std::cmp::Reverse(way.snapshot.map(|snapshot| snapshot.taken)));
    }
    ways.sort_by_key(|way| {
        way.snapshot
            .is_none_or(|snapshot| is_old(way.tier, snapshot))
    });
    ways.into_iter().next()
}

fn way_by(copy: &Copy) -> Option<Way<'_>> {
    let snapshot = copy.usable();
    (snapshot.is_some() || copy.is_unasked).then_some(Way {
        tier: copy.tier,
        copy,
        snapshot,
    })
}

/// How long the last drills took of what would restore each part now, and whether that is in part an estimate.
fn took(facts: &Facts) -> Option<(Duration, bool)> {
    let mut all = (Duration::ZERO, false);
    for part in needed(facts) {
        let drilled = drilled(facts, part)?;
        all.0 += Duration::from_millis(drilled.took);
        all.1 |= drilled.is_estimate;
    }
    Some(all)
}

/// The last drill of the source that would restore a part now.
pub(crate) fn drilled<'f>(facts: &'f Facts, part: &Part) -> Option<&'f Drilled> {
    let way = way(facts, part, Timestamp::now())?;
    let drills = facts.drills.as_ref().ok()?;
    let source = way.copy.name_in_drills();
    drills.last_time(&part.name, way.tier.as_str(), &source)
}

/// How long ago something was; what is of the future is of now.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

struct Judging<'f> {
    facts: &'f Facts,
    now: Timestamp,
    troubles: Vec<Trouble>,
}

impl Judging<'_> {
    fn note(&mut self, state: State, text: String) {
        self.troubles.push(Trouble { state, text });
    }

    fn age(&self, then: Timestamp) -> String {
        span(since(then, self.now))
    }

    /// A status without the service's name, which is said anyway.
    fn without_name(&self, status: &str) -> String {
        let named = format!("{}: ", self.facts.name);
        status.strip_prefix(&named).unwrap_or(status).to_owned()
    }

    /// The units that keep it down, or are at work on it. Gives how far a restore is.
    fn units(&mut self) -> Option<u8> {
        let [dataset, preseed, backup] = &self.facts.units;
        for unit in [dataset, preseed] {
            if unit.has_failed() {
                let why = match unit.status.as_str() {
                    "" => format!("{} failed", unit.name),
                    status => self.without_name(status),
                };
                let text = format!("{why} (`systemctl status {}`)", unit.name);
                self.note(State::Down, text);
            }
        }
        if backup.has_failed() {
            let text = format!("its last backup failed: `systemctl status {}`", backup.name);
            self.note(State::NeedsALook, text);
        }
        for unit in self.facts.shared.iter().filter(|unit| unit.has_failed()) {
            let why = match unit.status.as_str() {
                "" => "failed".to_owned(),
                status => format!("failed: {status}"),
            };
            let text = format!("{} {why} (`systemctl status {}`)", unit.name, unit.name);
            self.note(State::NeedsALook, text);
        }
        let is_there = |part| data(self.facts, part) == Data::There;
        if preseed.state != "activating" || self.facts.parts.iter().all(is_there) {
            return None;
        }
        let status = match preseed.status.as_str() {
            "" => "it is being restored".to_owned(),
            status => self.without_name(status),
        };
        self.note(State::Restoring, status);
        percent(&preseed.status)
    }

    /// Whether its data is there. Gives whether it is, or was.
    fn data(&mut self) -> bool {
        if let Err(error) = &self.facts.remembered {
            self.note(State::NeedsALook, error.to_string());
        }
        let name = &self.facts.name;
        let mut has_data = false;
        let is_restoring = self
            .troubles
            .iter()
            .any(|trouble| trouble.state == State::Restoring);
        for part in &self.facts.parts {
            let data = data(self.facts, part);
            has_data |= data != Data::NotYet;
            let whose = if part.name == *name {
                "its data".to_owned()
            } else {
                format!("the data of {}", part.name)
            };
            let plan = format!("`preseedctl plan {name}`");
            let text = match data {
                Data::There | Data::NotYet => continue,
                Data::Gone if is_restoring => continue,
                Data::Gone => format!(
                    "{whose} is gone: `systemctl restart {}` restores it, {plan} says from where",
                    self.facts.unit
                ),
                Data::Partly => {
                    let lacks = part.lacks.as_deref().unwrap_or("not all is there");
                    format!("{whose} is only partly there ({lacks}): {plan} says what to do")
                }
                Data::NotMounted => {
                    format!("{whose} is not mounted: `systemctl start dataset-{name}` mounts it")
                }
                Data::Unknown => part
                    .verdict
                    .as_ref()
                    .err()
                    .map_or_else(|| "it cannot be looked at".to_owned(), ToString::to_string),
            };
            self.note(State::Down, text);
        }
        if !has_data {
            let text = format!(
                "it has no data yet: `systemctl start {}` looks for some to restore, and else starts it empty",
                self.facts.unit
            );
            self.note(State::NotStarted, text);
        }
        has_data
    }

    /// What could restore it.
    fn copies(&mut self) {
        let name = self.facts.name.clone();
        let mut failed: Vec<String> = Vec::new();
        for part in needed(self.facts) {
            let errors = part.copies.iter().filter_map(|copy| {
                let error = copy.newest.as_ref().err()?;
                Some(format!(
                    "whether {} has a copy of it is not known: {error}",
                    copy.name()
                ))
            });
            failed.extend(errors);
        }
        failed.dedup();
        self.of_the_future();
        let cannot_be_told = !failed.is_empty();
        for text in failed {
            self.note(State::NeedsALook, text);
        }
        let lacks = |part: &&Part| !part.copies.iter().any(|copy| copy.usable().is_some());
        let Some(part) = needed(self.facts).find(lacks) else {
            return;
        };
        let whose = if part.name == name {
            "it".to_owned()
        } else {
            format!("its part {}", part.name)
        };
        let unasked = part.copies.iter().find(|copy| copy.is_unasked);
        if let Some(copy) = unasked {
            let text = format!(
                "no copy of {whose} is known here: `preseedctl status {name} --ask` asks {}",
                copy.name()
            );
            self.note(State::Unproven, text);
        } else if !cannot_be_told {
            let text = format!(
                "nothing could restore {whose}: there is no snapshot, no replica and no backup of it: {}",
                self.protect()
            );
            self.note(State::Unprotected, text);
        }
    }

    /// Copies that say they are later than now, so that nobody knows how old they are.
    fn of_the_future(&mut self) {
        let mut told: Vec<String> = Vec::new();
        for copy in needed(self.facts).flat_map(|part| &part.copies) {
            let known = copy.known().map(|newest| &newest.snapshot);
            let mut all = known.into_iter().chain(&copy.good);
            let Some(snapshot) = all.find(|copy| copy.taken > until(self.now)) else {
                continue;
            };
            told.push(format!(
                "{} of {} says that it is of {}, which is yet to come, so it does not count as good: see that the clocks are \
                 right (`timedatectl`), then {}",
                snapshot.label(),
                copy.name(),
                local(snapshot.taken),
                self.protect()
            ));
        }
        for text in told {
            self.note(State::NeedsALook, text);
        }
    }

    /// How a new copy is made.
    fn protect(&self) -> String {
        let makes = self.facts.makes;
        if makes.backups {
            format!(
                "`systemctl start backup-{}` makes a backup",
                self.facts.name
            )
        } else if makes.snapshots {
            "`systemctl start storage-snapshots` takes the snapshots that are due".to_owned()
        } else {
            format!(
                "declare `policy` in [snapshots] or `schedule` in [backup] of {}.toml, or see who else makes them",
                self.facts.name
            )
        }
    }

    fn recovery_point(&mut self, good: Option<Timestamp>) {
        let Some(most) = self.facts.promise.recovery_point else {
            return;
        };
        let promised = format!("the loss of {} at most is promised", span(most));
        let Some(good) = good else {
            let text = format!(
                "{promised}, and no copy is known to be good: {}",
                self.protect()
            );
            return self.note(State::Unproven, text);
        };
        if since(good, self.now) > most {
            let text = format!(
                "{promised}, and its newest good copy is {} old: {}",
                self.age(good),
                self.protect()
            );
            self.note(State::PromiseBroken, text);
        }
    }

    fn recovery_time(&mut self, took: Option<(Duration, bool)>) {
        let Some(most) = self.facts.promise.recovery_time else {
            return;
        };
        let promised = format!("{} is promised to bring it back", span(most));
        let name = &self.facts.name;
        match took {
            None => {
                let text = format!(
                    "{promised}, and how long that takes was never measured: `preseedctl drill {name}` does"
                );
                self.note(State::Unproven, text);
            }
            Some((took, _)) if took > most => {
                let text = format!(
                    "{promised}, and the last drill took {}: declare a quicker tier, or promise less",
                    span(took)
                );
                self.note(State::PromiseBroken, text);
            }
            Some(_) => {}
        }
    }

    /// What preseed's own protection says.
    fn protection(&mut self) {
        let name = self.facts.name.clone();
        let facts = self.facts;
        for part in &facts.parts {
            match &part.record {
                Err(error) => self.note(State::NeedsALook, error.to_string()),
                Ok(record) if record.shrunk.is_some() => {
                    let text = format!(
                        "most of its data has vanished since its last good backup, so newer ones are filed apart: \
                         look into it; if that is right, `preseedctl accept {name}`"
                    );
                    self.note(State::NeedsALook, text);
                }
                Ok(record) if record.unproved.or(record.unfound).is_some() => {
                    let text = format!(
                        "its newest backup has not proved itself, so none is forgotten: \
                         `systemctl status backup-{name}` says why"
                    );
                    self.note(State::NeedsALook, text);
                }
                Ok(record) if record.is_in_doubt(self.now) => {
                    let text = format!(
                        "its newest snapshots could not prove themselves, so nothing of it is pruned: \
                         `journalctl PRESEED_SERVICE={name}` says why, and what to do"
                    );
                    self.note(State::NeedsALook, text);
                }
                Ok(record) if record.has_left(self.now) => {
                    let text = format!(
                        "snapshots of it are past their policy and could not be destroyed for a day: \
                         `journalctl PRESEED_SERVICE={name}` says which, and how to see who uses them"
                    );
                    self.note(State::NeedsALook, text);
                }
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
