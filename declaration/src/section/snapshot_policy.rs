//! `[snapshot-policy.NAME]` of `preseed.toml`: when snapshots are taken and how many are kept, as Sanoid counts them.

use std::path::PathBuf;

use super::key::keys;
use super::outcome::Outcome;
use crate::given::Given;
use crate::named_table::Notes;
use crate::value::{Amount, ScriptFile};

/// What only preseed knows.
const OWN: &str = "preseed writes it for each dataset by itself; remove it";
/// What only newer versions know.
const NEWER: &str = "Sanoid before 2.2 does not know it, and would do nothing at all: write `pruning-script`, which is run after";

keys! {
    /// When snapshots are taken, and how many are kept, as Sanoid counts them. Services name it as `policy` in
    /// `[snapshots]`. Two are shipped: `production` (48 hourly, 30 daily, 3 monthly) and `services` (24 hourly, 7 daily).
    table "[snapshot-policy.NAME]";
    instead {
        "path" => OWN,
        "recursive" => OWN,
        "process-children-only" => OWN,
        "skip-children" => OWN,
        "use-template" => OWN,
        "autosnap" => OWN,
        "autoprune" => OWN,
        "pre-pruning-script" => NEWER,
    }

    /// How many of each `frequent-period` minutes are kept.
    frequently: Amount<10_000> = "frequently", default "`0`", example "4";

    /// How many of each hour are kept.
    hourly: Amount<10_000> = "hourly", default "`0`", example "48";

    /// How many of each day are kept.
    daily: Amount<10_000> = "daily", default "`0`", example "30";

    /// How many of each week are kept.
    weekly: Amount<10_000> = "weekly", default "`0`", example "8";

    /// How many of each month are kept.
    monthly: Amount<10_000> = "monthly", default "`0`", example "3";

    /// How many of each year are kept.
    yearly: Amount<10_000> = "yearly", default "`0`", example "1";

    /// How many minutes lie between two of `frequently`: 1, 5, 10, 15, 20 or 30. However few they are, none is taken more
    /// often than `storage-snapshots.timer` comes: every 15 minutes.
    frequent_period: Amount<30> = "frequent-period", default "`15`", example "30";

    /// The hour of the daily one, in UTC.
    daily_hour: Amount<23> = "daily-hour", default "`23`", example "3";

    /// The minute of the daily one.
    daily_min: Amount<59> = "daily-min", default "`59`", example "30";

    /// From how full a pool on anything is pruned, in percent. `0`: always.
    prune_defer: Amount<100> = "prune-defer", default "`0`", example "60";

    /// A program by its absolute path, without arguments, that Sanoid runs as root before a snapshot of a dataset. It must
    /// belong to root all the way. With a script, Sanoid takes the snapshots itself, one dataset after the other: those of
    /// a service's places are not of one moment.
    pre_snapshot_script: ScriptFile = "pre-snapshot-script", default "none", example "\"/usr/local/lib/app/freeze\"";

    /// The same after a snapshot.
    post_snapshot_script: ScriptFile = "post-snapshot-script", default "none", example "\"/usr/local/lib/app/thaw\"";

    /// The same after a snapshot was destroyed.
    pruning_script: ScriptFile = "pruning-script", default "none", example "\"/usr/local/lib/app/pruned\"";

    /// How many seconds a script has to end. `0`: no limit but that of the round, half an hour.
    script_timeout: Amount<1800> = "script-timeout", default "`5`", example "60";

    /// Whether no snapshot is taken if `pre-snapshot-script` fails.
    no_inconsistent_snapshot: bool = "no-inconsistent-snapshot", default "`false`", example "true";

    /// Whether `post-snapshot-script` is run also if `pre-snapshot-script` failed.
    force_post_snapshot_script: bool = "force-post-snapshot-script", default "`false`", example "true";
}

/// The minutes of `frequent-period` (sanoid.conf): Sanoid divides the hour by it.
const PERIODS: [usize; 6] = [1, 5, 10, 15, 20, 30];

/// The policy of a service whose snapshots somebody else takes.
pub(super) const EXTERNAL: &str = "external";

/// When snapshots are taken, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Keys of sanoid.conf, and their values.
    pub keys: Vec<(&'static str, usize)>,
    /// The programs that Sanoid runs (absolute, without anything that a shell would read), by the keys of sanoid.conf.
    pub scripts: Vec<(&'static str, PathBuf)>,
}

impl Policy {
    /// Those that are shipped. A declared one of the same name is taken instead.
    pub(crate) fn shipped() -> [Self; 2] {
        let of = |name: &str, hourly, daily, monthly| {
            let amount = |amount| Given::Value(crate::given::At::default(Amount(amount)));
            let fragment = Fragment {
                hourly: amount(hourly),
                daily: amount(daily),
                monthly: amount(monthly),
                ..Fragment::default()
            };
            Self {
                name: name.to_owned(),
                scripts: fragment.scripts(),
                keys: fragment.keys(),
            }
        };
        [of("production", 48, 30, 3), of("services", 24, 7, 0)]
    }

    /// How many are kept in all.
    #[must_use]
    pub fn keeps(&self) -> usize {
        let periods = [
            "frequently",
            "hourly",
            "daily",
            "weekly",
            "monthly",
            "yearly",
        ];
        let kept = self.keys.iter().filter(|(key, _)| periods.contains(key));
        kept.map(|(_, count)| count).sum()
    }

    /// Whether something is run at each snapshot: then Sanoid itself takes them, one after the other.
    #[must_use]
    pub fn is_taken_by_sanoid(&self) -> bool {
        let mut scripts = self.scripts.iter();
        scripts.any(|(key, _)| *key != "pruning_script")
    }

    /// As it is shown.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::text(&self.name)
    }
}

impl Fragment {
    fn scripts(&self) -> Vec<(&'static str, PathBuf)> {
        let declared = [
            ("pre_snapshot_script", &self.pre_snapshot_script),
            ("post_snapshot_script", &self.post_snapshot_script),
            ("pruning_script", &self.pruning_script),
        ];
        let given = declared.into_iter().filter_map(|(key, given)| match given {
            Given::Value(at) => Some((key, at.value.0.clone())),
            _ => None,
        });
        given.collect()
    }

    fn keys(self) -> Vec<(&'static str, usize)> {
        let of = |given: Given<usize>, default| given.value().unwrap_or(default);
        vec![
            ("frequently", of(self.frequently.map(|Amount(n)| n), 0)),
            ("hourly", of(self.hourly.map(|Amount(n)| n), 0)),
            ("daily", of(self.daily.map(|Amount(n)| n), 0)),
            ("weekly", of(self.weekly.map(|Amount(n)| n), 0)),
            ("monthly", of(self.monthly.map(|Amount(n)| n), 0)),
            ("yearly", of(self.yearly.map(|Amount(n)| n), 0)),
            (
                "frequent_period",
                of(self.frequent_period.map(|Amount(n)| n), 15),
            ),
            ("daily_hour", of(self.daily_hour.map(|Amount(n)| n), 23)),
            ("daily_min", of(self.daily_min.map(|Amount(n)| n), 59)),
            ("prune_defer", of(self.prune_defer.map(|Amount(n)| n), 0)),
            (
                "script_timeout",
                of(self.script_timeout.map(|Amount(n)| n), 5),
            ),
            (
                "no_inconsistent_snapshot",
                of(self.no_inconsistent_snapshot.map(usize::from), 0),
            ),
            (
                "force_post_snapshot_script",
                of(self.force_post_snapshot_script.map(usize::from), 0),
            ),
        ]
    }

    /// The policy. `None` if it keeps nothing, which is noted.
    pub(crate) fn settle(self, table: &mut Notes) -> Option<Policy> {
        let policy = Policy {
            name: table.name.clone(),
            scripts: self.scripts(),
            keys: self.keys(),
        };
        if policy.name == EXTERNAL {
            table.note(
                "`external` is no policy's name: services write it where somebody else takes their snapshots",
                "call it otherwise",
            );
            return None;
        }
        let period = policy
            .keys
            .iter()
            .find(|(key, _)| *key == "frequent_period");
        if period.is_some_and(|(_, minutes)| !PERIODS.contains(minutes)) {
            table.note(
                "`frequent-period` is no part of an hour that Sanoid counts in",
                "write 1, 5, 10, 15, 20 or 30",
            );
            return None;
        }
        if policy.keeps() == 0 {
            table.note(
                "the policy keeps no snapshots",
                "write how many, e.g. hourly = 24; for a service without snapshots, name no policy",
            );
            return None;
        }
        Some(policy)
    }
}
