//! What drills have shown of a service: /var/lib/preseed/drills/NAME.json, for root alone. It outlives the service's storage.

mod drilled;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::uptime::{self, Uptime};
use storage::{Error, Result, Snapshot, state_file};

pub(crate) use drilled::SourceOf;
pub use drilled::{Drilled, Outcome, Which};

/// Where the files are.
const DIRECTORY: &str = "/var/lib/preseed/drills";

/// The most that is read of a file.
const LARGEST: u64 = 4 << 20;

/// How long after its time a drill is not late yet.
const GRACE: Duration = Duration::from_hours(24);

/// How many results are kept of a service beside the last ones.
const MOST: usize = 200;

/// What drills have shown of a service and its places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Drills {
    /// The results, oldest first.
    pub results: Vec<Drilled>,
    /// When a drill of all its tiers last came to its end, whatever it showed.
    pub ended: Option<Timestamp>,
    /// For how long the machine was up since, in whole seconds, as far as it was counted.
    pub waited: u64,
    /// Until when that was counted, as [`Uptime`] is written. Of a service that never was drilled, it is counted since the
    /// first look.
    pub counted: Option<String>,
}

impl Drills {
    /// What the last drill of a snapshot showed, by its whole name or id and its time; `None` if none told anything of it. A
    /// rollback to a snapshot and a clone of it are the same proof.
    #[must_use]
    pub fn of_snapshot(&self, snapshot: &Snapshot) -> Option<&Drilled> {
        self.results
            .iter()
            .rev()
            .find(|result| result.is_of(snapshot) && result.outcome.tells())
    }

    /// Whether a snapshot is proven: all of it, or a sample of it, was restored, and no later drill of it failed.
    #[must_use]
    pub fn is_proven(&self, snapshot: &Snapshot) -> bool {
        self.of_snapshot(snapshot)
            .is_some_and(|result| result.outcome.is_good())
    }

    /// What the last drill of each source's newest candidate of a part came to, whether or not it told anything.
    #[must_use]
    pub fn of_newest<'d>(&'d self, part: &str) -> Vec<&'d Drilled> {
        self.last_of_newest(part, |_| true)
    }

    /// What the last drill of each source's newest candidate of a part that told anything showed. A later one that could not
    /// be made takes nothing of that back.
    #[must_use]
    pub fn telling_of_newest<'d>(&'d self, part: &str) -> Vec<&'d Drilled> {
        self.last_of_newest(part, Outcome::tells)
    }

    /// What stands of each source's newest candidate of a part: what the last drill that told anything showed; but a sample that
    /// is good ends nothing that a drill of all of it has shown.
    #[must_use]
    pub fn standing<'d>(&'d self, part: &str) -> Vec<&'d Drilled> {
        let of_all = self.last_of_newest(part, Outcome::is_of_all);
        let mut standing = self.telling_of_newest(part);
        for last in &mut standing {
            let of_all = of_all.iter().find(|it| it.is_of_same_kind(last));
            if let Some(of_all) =
                of_all.filter(|it| last.outcome.is_good() && !it.outcome.is_good())
            {
                *last = of_all;
            }
        }
        standing
    }

    fn last_of_newest<'d>(
        &'d self,
        part: &str,
        counts: impl Fn(&Outcome) -> bool,
    ) -> Vec<&'d Drilled> {
        let mut last: Vec<&Drilled> = Vec::new();
        for result in self.results.iter().rev() {
            let is_known = last.iter().any(|other| other.is_of_same_kind(result));
            let is_newest = result.part == part && result.which == Which::Newest;
            if is_newest && counts(&result.outcome) && !is_known {
                last.push(result);
            }
        }
        last.reverse();
        last
    }

    /// The drills of a part's source that restored something, oldest first. `source`: its name for people, as a drill notes
    /// it. What one source showed says nothing of another one of the same tier.
    #[must_use]
    pub fn restored(&self, part: &str, tier: &str, source: &str) -> Vec<&Drilled> {
        let is_of = |result: &&Drilled| {
            (result.part.as_str(), result.tier.as_str()) == (part, tier) && result.source == source
        };
        let of_source = self.results.iter().filter(is_of);
        of_source
            .filter(|result| result.outcome.is_good())
            .collect()
    }

    /// The last drill of a part's source that restored all of something: how long that took, and how many bytes it moved. That
    /// of the newest candidate counts; where none of it did, that of any.
    #[must_use]
    pub fn last_time(&self, part: &str, tier: &str, source: &str) -> Option<&Drilled> {
        let mut whole = self.restored(part, tier, source);
        whole.retain(|result| result.outcome == Outcome::Proven);
        let newest = whole.iter().rfind(|result| result.which == Which::Newest);
        newest.or(whole.last()).copied()
    }

    /// Adds a result. Of those that are many, the oldest go, but for the last of each kind.
    pub fn add(&mut self, result: Drilled) {
        self.results.push(result);
        while self.results.len() > MOST {
            let is_followed = |number: &usize| {
                let this = &self.results[*number];
                let mut later = self.results[number + 1..].iter();
                later.any(|later| {
                    let takes_its_place = if this.outcome.is_of_all() {
                        later.outcome.is_of_all()
                    } else {
                        later.outcome.tells() || !this.outcome.tells()
                    };
                    later.is_of_same_kind(this) && takes_its_place
                })
            };
            let Some(oldest) = (0..self.results.len()).find(is_followed) else {
                break;
            };
            self.results.remove(oldest);
        }
    }

    /// Forgets what sources showed that are none of these.
    fn keep_of(&mut self, sources: &[SourceOf]) {
        self.results.retain(|result| {
            sources.iter().any(|it| {
                (&it.part, &it.tier, &it.source) == (&result.part, &result.tier, &result.source)
            })
        });
    }

    /// For how long the machine was up since all tiers were drilled, or was looked for that first; `None`: it never was.
    ///
    /// # Errors
    /// When the kernel does not tell which boot this is.
    pub fn up_since(&self) -> Result<Option<Duration>> {
        if self.ended.is_none() && self.counted.is_none() {
            return Ok(None);
        }
        let counted = Duration::from_secs(self.waited);
        let more = self.not_counted(&uptime::now()?);
        Ok(Some(counted.saturating_add(more)))
    }

    /// For how long the machine was up since all tiers were drilled, if that is longer than the `pause` between two drills and
    /// a day.
    ///
    /// # Errors
    /// As [`Self::up_since`].
    pub fn late(&self, pause: Duration) -> Result<Option<Duration>> {
        let up = self.up_since()?;
        Ok(up.filter(|up| *up > pause.saturating_add(GRACE)))
    }

    fn not_counted(&self, now: &Uptime) -> Duration {
        let counted = self.counted.as_deref();
        let counted = counted.and_then(|counted| counted.parse().ok());
        counted.map_or(Duration::ZERO, |counted| now.since(&counted))
    }
}

/// What is known of the drills of the service `name`; nothing, if there were none.
///
/// # Errors
/// When it cannot be read: that is not "nothing".
pub fn read(name: &str) -> Result<Drills> {
    let unread = |why: String| {
        Error::new(
            path_of(name).to_string_lossy(),
            format!("what drills have shown cannot be read: {why}"),
            "look into it, and move it away: then the next drill begins anew",
        )
    };
    let read = state_file::read(Path::new(DIRECTORY), &file_of(name), LARGEST);
    match read.map_err(|error| unread(error.to_string()).caused_by(&error))? {
        None => Ok(Drills::default()),
        Some(text) => serde_json::from_slice(&text).map_err(|error| unread(error.to_string())),
    }
}

/// Whether anything is known of drills of the service `name`.
pub(crate) fn is_known(name: &str) -> bool {
    path_of(name).symlink_metadata().is_ok()
}

/// Writes what is known of the drills of the service `name`, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write(name: &str, drills: &Drills) -> Result<()> {
    let unwritten = |error: std::io::Error| {
        Error::new(
            path_of(name).to_string_lossy(),
            format!("what drills have shown cannot be written: {error}"),
            "see that /var/lib is writable and has room",
        )
        .caused_by(&error)
    };
    let mut text = serde_json::to_vec_pretty(drills).map_err(|error| unwritten(error.into()))?;
    text.push(b'\n');
    state_file::write(Path::new(DIRECTORY), &file_of(name), &text).map_err(unwritten)
}

/// Notes that all tiers of the service `name` were drilled now, which has these `sources`. What others showed, which it has no
/// more, is forgotten.
///
/// # Errors
/// When it cannot be noted.
pub(crate) fn ended(name: &str, sources: &[SourceOf]) -> Result<()> {
    let mut drills = read(name)?;
    drills.keep_of(sources);
    drills.ended = Some(Timestamp::now());
    drills.waited = 0;
    drills.counted = Some(uptime::now()?.to_string());
    write(name, &drills)
}

/// Counts the time that the machine was up since the service `name` was drilled: for the daily timer.
///
/// # Errors
/// When it cannot be read or noted.
pub fn count(name: &str) -> Result<()> {
    let mut drills = read(name)?;
    let now = uptime::now()?;
    drills.waited = drills
        .waited
        .saturating_add(drills.not_counted(&now).as_secs());
    drills.counted = Some(now.to_string());
    write(name, &drills)
}

fn file_of(name: &str) -> String {
    format!("{name}.json")
}

fn path_of(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(file_of(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn result(snapshot: &str, tier: &str, which: Which, outcome: Outcome) -> Drilled {
        Drilled {
            part: "sonarr".into(),
            tier: tier.into(),
            source: tier.into(),
            which,
            snapshot: Some(snapshot.into()),
            taken: Some("2026-11-23T07:00:00Z".parse().unwrap()),
            drilled: "2026-11-23T08:00:00Z".parse().unwrap(),
            outcome,
            took: 1500,
            is_estimate: tier == "rollback",
            bytes: 7,
        }
    }

    fn snapshot(name: &str) -> Snapshot {
        Snapshot {
            name: name.into(),
            taken: "2026-11-23T07:00:00Z".parse().unwrap(),
            bytes: 0,
        }
    }

    fn failed() -> Outcome {
        Outcome::Failed {
            error: "damaged".into(),
            why: "a block cannot be read".into(),
            of_a_part: false,
        }
    }

    #[test]
    fn the_last_drill_of_a_snapshot_says_whether_it_is_proven() {
        let mut drills = Drills::default();
        assert!(!drills.is_proven(&snapshot("t@a")));
        drills.add(result("t@a", "snapshot", Which::Newest, Outcome::Proven));
        assert!(drills.is_proven(&snapshot("t@a")) && !drills.is_proven(&snapshot("t@b")));
        let not = Outcome::NotDrilled {
            error: String::new(),
            why: "no room".into(),
        };
        drills.add(result("t@a", "snapshot", Which::Oldest, not));
        assert!(drills.is_proven(&snapshot("t@a")));
        drills.add(result("t@a", "snapshot", Which::Oldest, failed()));
        assert!(!drills.is_proven(&snapshot("t@a")));
        let newest = drills.of_newest("sonarr");
        assert_eq!(newest.len(), 1);
        assert!(newest[0].outcome.is_good());
    }

    #[test]
    fn one_that_was_taken_anew_under_the_same_name_is_not_proven() {
        let mut drills = Drills::default();
        drills.add(result("t@a", "snapshot", Which::Newest, Outcome::Proven));
        let mut again = snapshot("t@a");
        assert!(drills.is_proven(&again));
        again.taken = "2026-11-23T07:00:01Z".parse().unwrap();
        assert!(!drills.is_proven(&again) && drills.of_snapshot(&again).is_none());
    }

    #[test]
    fn the_time_of_a_tier_is_that_of_its_last_whole_restore() {
        let mut drills = Drills::default();
        assert_eq!(drills.last_time("sonarr", "restic", "restic"), None);
        let mut add = |snapshot: &str, which, outcome, took| {
            drills.add(Drilled {
                took,
                ..result(snapshot, "restic", which, outcome)
            });
        };
        add("a", Which::Middle, Outcome::Proven, 1);
        add("b", Which::Newest, Outcome::Proven, 2);
        add("c", Which::Newest, Outcome::Sampled, 3);
        add("d", Which::Newest, failed(), 4);
        add("e", Which::Oldest, Outcome::Proven, 5);
        let time = |part, source| {
            let last = drills.last_time(part, "restic", source);
            last.map(|last| last.took)
        };
        assert_eq!(time("sonarr", "restic"), Some(2));
        assert_eq!(time("sonarr.covers", "restic"), None);
        // Another source of the same tier may be slower, and may hold nothing.
        assert_eq!(time("sonarr", "cloud"), None);
        let restored = |source| drills.restored("sonarr", "restic", source).len();
        assert_eq!((restored("restic"), restored("cloud")), (4, 0));
    }

    #[test]
    fn old_results_go_but_for_the_last_of_each_kind() {
        let mut drills = Drills::default();
        drills.add(result("old", "restic", Which::Newest, Outcome::Proven));
        // What one told stays until another one tells.
        let not = Outcome::NotDrilled {
            error: "locked".into(),
            why: "it is locked".into(),
        };
        drills.add(result("none", "restic", Which::Newest, not));
        // What was shown of all of one stays until all of one is drilled again.
        let on_vault = |outcome| Drilled {
            source: "replica vault".into(),
            ..result("v@old", "snapshot", Which::Newest, outcome)
        };
        drills.add(on_vault(failed()));
        for number in 0..2 * MOST {
            let name = format!("t@{number}");
            drills.add(result(&name, "snapshot", Which::Newest, Outcome::Proven));
            drills.add(on_vault(Outcome::Sampled));
        }
        assert_eq!(drills.results.len(), MOST);
        let is_of_all =
            |result: &&Drilled| result.source == "replica vault" && result.outcome.is_of_all();
        assert_eq!(drills.results.iter().filter(is_of_all).count(), 1);
        let newest = |all: Vec<&Drilled>| all.first().and_then(|it| it.snapshot.clone());
        assert_eq!(newest(drills.of_newest("sonarr")).as_deref(), Some("none"));
        let telling = drills.telling_of_newest("sonarr");
        assert_eq!(newest(telling).as_deref(), Some("old"));
        assert!(drills.is_proven(&snapshot("old")) && !drills.is_proven(&snapshot("t@0")));
        assert!(drills.last_time("sonarr", "restic", "restic").is_some());
    }

    #[test]
    fn what_a_source_showed_that_is_none_any_more_is_forgotten() {
        let mut drills = Drills::default();
        drills.add(result("t@a", "snapshot", Which::Newest, failed()));
        drills.add(result("0a1b", "restic", Which::Newest, Outcome::Proven));
        drills.keep_of(&[SourceOf {
            part: "sonarr".into(),
            tier: "restic".into(),
            source: "restic".into(),
        }]);
        let left: Vec<_> = drills.results.iter().map(|it| it.tier.as_str()).collect();
        assert_eq!(left, ["restic"]);
    }

    #[test]
    fn what_is_stored_reads_back_and_a_later_version_may_add_to_it() {
        let mut drills = Drills {
            ended: "2026-11-23T08:00:00Z".parse().ok(),
            waited: 3,
            counted: Some("a-b:7".into()),
            ..Drills::default()
        };
        drills.add(result("t@a", "rollback", Which::Newest, failed()));
        let text = serde_json::to_string(&drills).unwrap();
        assert_eq!(serde_json::from_str::<Drills>(&text).unwrap(), drills);
        let later = text.replacen('{', "{\"colour\": \"red\",", 1);
        assert_eq!(serde_json::from_str::<Drills>(&later).unwrap(), drills);
        // An earlier version did not say of how much it failed.
        let earlier = text.replace(",\"of-a-part\":false", "");
        assert_ne!(earlier, text);
        let earlier: Drills = serde_json::from_str(&earlier).unwrap();
        assert!(!earlier.results[0].outcome.is_of_all());
        let day = Duration::from_hours(24);
        let waits = |days: u64| Drills {
            waited: days * 24 * 3600,
            ..drills.clone()
        };
        assert_eq!(waits(7).late(7 * day).unwrap(), None);
        assert!(waits(9).late(7 * day).unwrap() >= Some(9 * day));
        assert_eq!(Drills::default().late(day).unwrap(), None);
        assert_eq!(
            drills.not_counted(&"a-b:12".parse().unwrap()),
            Duration::from_secs(5)
        );
    }
}
