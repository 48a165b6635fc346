//! What is noted of a part, and so which of its copies have proved themselves.

use jiff::Timestamp;
use protection::record::Record;
use restore::proof::Drills;
use restore::verdict::Held;
use storage::Snapshot;

use super::facts::{Copy, Newest, until};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    /// Its name: the service's, or `SERVICE.PLACE`.
    pub(super) part: &'k str,
    /// What is noted of its snapshots.
    pub(super) own: Option<&'k Record>,
    /// What is noted of the service, and so of its backups.
    pub(super) backups: Option<&'k Record>,
    pub(super) drills: Option<&'k Drills>,
    pub(super) now: Timestamp,
}

impl Known<'_> {
    /// Whether a newer snapshot or backup could not prove itself.
    pub(super) fn is_in_doubt(&self) -> bool {
        let mut records = self.backups.into_iter().chain(self.own);
        records.any(|record| record.is_in_doubt(self.now))
    }

    /// Whether a copy has proved itself: it is that which is `noted` to have, or a drill has restored it. One that most of the
    /// data has vanished from may be restored as well. One of the future hides how old it is.
    pub(super) fn is_good(&self, snapshot: &Snapshot, noted: Option<&str>) -> bool {
        snapshot.taken <= until(self.now)
            && (Some(snapshot.name.as_str()) == noted || self.is_proven(snapshot))
    }

    fn is_proven(&self, snapshot: &Snapshot) -> bool {
        let is_proven = |drills: &Drills| drills.is_proven(snapshot);
        !self.is_in_doubt() && self.drills.is_some_and(is_proven)
    }

    /// Whether its snapshots could not prove themselves. Then a backup that did as a whole may lack what is of this part. Once
    /// backups are filed apart, that which is noted is from before.
    fn is_doubted(&self) -> bool {
        self.own
            .is_some_and(|own| own.is_in_doubt(self.now) && own.shrunk.is_none())
    }

    /// What is known of the backups in a repository, from which nothing is known yet: the newest one, as it was noted when it
    /// was made, or when a drill restored it.
    pub(super) fn backups_in(&self, repository: Copy) -> Copy {
        let made = self.backups.and_then(|record| record.good.as_ref());
        let made = made.filter(|good| good.repository.as_deref() == Some(&repository.source));
        let noted = made.map(|good| good.snapshot.as_str());
        let noted = noted.filter(|_| !self.is_doubted());
        let made = made.map(|good| Snapshot {
            name: good.snapshot.clone(),
            taken: good.taken,
            bytes: good.bytes,
        });
        let all: Vec<Snapshot> = made.into_iter().chain(self.drilled(&repository)).collect();
        let good = all.iter().filter(|backup| self.is_good(backup, noted));
        let good = good.max_by_key(|good| good.taken).cloned();
        let newest = all.into_iter().max_by_key(|backup| backup.taken);
        Copy {
            newest: Ok(newest.map(|snapshot| Newest {
                snapshot,
                held: Some(Ok(Held::Data)),
                is_noted: true,
            })),
            good,
            ..repository
        }
    }

    /// The backups that a drill restored from a repository.
    fn drilled(&self, repository: &Copy) -> Vec<Snapshot> {
        let source = repository.name_in_drills();
        let restored = self
            .drills
            .into_iter()
            .flat_map(|drills| drills.restored(self.part, repository.tier.as_str(), &source));
        let snapshots = restored.filter_map(|result| {
            Some(Snapshot {
                name: result.snapshot.clone()?,
                taken: result.taken?,
                bytes: 0,
            })
        });
        snapshots
            .filter(|snapshot| self.is_proven(snapshot))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use declaration::value::TierName;
    use jiff::SignedDuration;
    use protection::record::Good;
    use restore::proof::{Drilled, Outcome, Which};
    use storage::extent::Extent;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    fn snapshot(name: &str, hours: i64) -> Snapshot {
        Snapshot {
            name: name.to_owned(),
            taken: now() - SignedDuration::from_hours(hours),
            bytes: 0,
        }
    }

    /// A record of a backup to the repository nas.
    fn backed_up(name: &str, hours: i64) -> Record {
        Record {
            good: Some(Good::new(
                Some("nas"),
                &snapshot(name, hours),
                Extent::default(),
            )),
            ..Record::default()
        }
    }

    /// Drills that restored these backups from the repository nas.
    fn drills(all: &[(&str, i64)]) -> Drills {
        let results = all.iter().map(|(name, hours)| Drilled {
            part: "a".to_owned(),
            tier: "restic".to_owned(),
            source: "repository nas".to_owned(),
            which: Which::Newest,
            snapshot: Some((*name).to_owned()),
            taken: Some(snapshot(name, *hours).taken),
            drilled: now(),
            outcome: Outcome::Proven,
            took: 1,
            is_estimate: false,
            bytes: 1,
        });
        Drills {
            results: results.collect(),
            ..Drills::default()
        }
    }

    fn known<'k>(record: &'k Record, drills: &'k Drills) -> Known<'k> {
        Known {
            part: "a",
            own: Some(record),
            backups: Some(record),
            drills: Some(drills),
            now: now(),
        }
    }

    /// The newest and the newest good backup in a repository.
    fn backups(known: &Known<'_>, repository: &str) -> [Option<String>; 2] {
        let copy = known.backups_in(Copy {
            tier: TierName::Restic,
            source: repository.to_owned(),
            newest: Ok(None),
            good: None,
            is_unasked: true,
        });
        let newest = copy.known().map(|newest| newest.snapshot.name.clone());
        [newest, copy.good.map(|good| good.name)]
    }

    fn both(newest: &str, good: &str) -> [Option<String>; 2] {
        [Some(newest.to_owned()), Some(good.to_owned())]
    }

    #[test]
    fn what_one_repository_holds_is_not_in_another() {
        let (record, drills) = (backed_up("made", 2), drills(&[("drilled", 1)]));
        let known = known(&record, &drills);
        assert_eq!(backups(&known, "nas"), both("drilled", "drilled"));
        assert_eq!(backups(&known, "cloud"), [None, None]);
    }

    #[test]
    fn a_backup_of_the_future_hides_no_older_one() {
        let (record, drills) = (backed_up("made", -1), drills(&[("drilled", 9)]));
        assert_eq!(
            backups(&known(&record, &drills), "nas"),
            both("made", "drilled")
        );
    }

    #[test]
    fn a_doubt_of_a_place_is_one_of_its_backups() {
        let record = backed_up("made", 2);
        let drilled = drills(&[("drilled", 9)]);
        let doubt = Record {
            doubt: Some(now()),
            ..Record::default()
        };
        let place = Known {
            own: Some(&doubt),
            ..known(&record, &drilled)
        };
        assert!(!place.is_good(&snapshot("drilled", 9), None));
        let newest = Some("made".to_owned());
        assert_eq!(backups(&place, "nas"), [newest, None]);
        // What was noted before most of the data vanished is good.
        let shrunk = Record {
            shrunk: Some(now()),
            ..record
        };
        assert_eq!(
            backups(&known(&shrunk, &drilled), "nas"),
            both("made", "made")
        );
    }
}
