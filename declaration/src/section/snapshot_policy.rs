//! `[snapshot-policy.NAME]` of `preseed.toml`: when snapshots are taken and how many are kept, as Sanoid counts them.

use super::key::keys;
use super::outcome::Outcome;
use crate::named_table::Notes;
use crate::value::Amount;

/// What only preseed knows.
const OWN: &str = "preseed writes it for each dataset by itself; remove it";
/// What Sanoid would run as root, for each dataset.
const SCRIPT: &str = "a snapshot is taken of all of a service's data at once; run what must be run by `before` of [backup]";

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
        "pre-snapshot-script" => SCRIPT,
        "post-snapshot-script" => SCRIPT,
        "pruning-script" => SCRIPT,
        "pre-pruning-script" => SCRIPT,
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

    /// How many minutes lie between two of `frequently`: 1, 5, 10, 15, 20 or 30.
    frequent_period: Amount<30> = "frequent-period", default "`15`", example "5";

    /// The hour of the daily one, in UTC.
    daily_hour: Amount<23> = "daily-hour", default "`23`", example "3";

    /// The minute of the daily one.
    daily_min: Amount<59> = "daily-min", default "`59`", example "30";

    /// From how full a pool on anything is pruned, in percent. `0`: always.
    prune_defer: Amount<100> = "prune-defer", default "`0`", example "60";
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
}

impl Policy {
    /// Those that are shipped. A declared one of the same name is taken instead.
    pub(crate) fn shipped() -> [Self; 2] {
        let of = |name: &str, hourly, daily, monthly| {
            let amount =
                |amount| crate::given::Given::Value(crate::given::At::default(Amount(amount)));
            let fragment = Fragment {
                hourly: amount(hourly),
                daily: amount(daily),
                monthly: amount(monthly),
                ..Fragment::default()
            };
            Self {
                name: name.to_owned(),
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

    /// As it is shown.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::text(&self.name)
    }
}

impl Fragment {
    fn keys(self) -> Vec<(&'static str, usize)> {
        let of = |given: crate::given::Given<usize>, default| given.value().unwrap_or(default);
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
        ]
    }

    /// The policy. `None` if it keeps nothing, which is noted.
    pub(crate) fn settle(self, table: &mut Notes) -> Option<Policy> {
        let policy = Policy {
            name: table.name.clone(),
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
