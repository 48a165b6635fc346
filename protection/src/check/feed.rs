//! What brings new snapshots or backups to tiers of a service, and whether that can keep what is promised.

use std::time::Duration;

use declaration::settings::{Promise, Service};
use declaration::value::TierName;

/// See the module.
#[derive(Debug)]
pub(super) struct Feed {
    /// The tiers.
    pub(super) tiers: Vec<TierName>,
    /// What brings them, in words.
    pub(super) what: String,
    /// How often.
    pub(super) every: Every,
}

/// How often something comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Every {
    /// This much time lies between two at most.
    Within(Duration),
    /// Somebody else knows.
    Unknown,
    /// It does not.
    Never,
}

impl Feed {
    /// As a line of `preseedctl check`.
    pub(super) fn in_words(&self) -> String {
        let tiers: Vec<String> = self.tiers.iter().map(ToString::to_string).collect();
        format!("{}: {}", tiers.join(", "), self.what)
    }
}

/// Those of these tiers that may restore the service.
pub(super) fn tiers_of(service: &Service, tiers: &[TierName]) -> Vec<TierName> {
    let declared = service.tiers.iter().copied();
    declared.filter(|tier| tiers.contains(tier)).collect()
}

/// Why what feeds the tiers cannot keep what is promised, or is too old for a restore to be taken. What only somebody else
/// knows may keep it.
pub(super) fn too_seldom(service: &Service, feeds: &[Feed]) -> Vec<String> {
    let mut told = Vec::new();
    let Promise { recovery_point, .. } = service.promise;
    let best = feeds.iter().map(|feed| feed.every);
    let best = best.min();
    let somebody_knows = feeds.iter().any(|feed| feed.every == Every::Unknown);
    if let Some(promised) = recovery_point
        && !somebody_knows
    {
        let newest = match best {
            Some(Every::Within(pause)) if pause <= promised => None,
            Some(Every::Within(pause)) => Some(format!(
                "the newest snapshot or backup can be {} old",
                in_words(pause)
            )),
            _ => Some("nothing takes snapshots or makes backups of it".to_owned()),
        };
        told.extend(newest.map(|newest| {
            format!(
                "`recovery-point` in [promise]: {newest}, and {} are promised: have `schedule` in [backup] or a `policy` in \
                 [snapshots] come more often, or promise less",
                in_words(promised)
            )
        }));
    }
    for feed in feeds {
        let Every::Within(pause) = feed.every else {
            continue;
        };
        let ages = feed
            .tiers
            .iter()
            .filter_map(|tier| Some((tier, service.max_age.get(tier)?)));
        told.extend(ages.filter(|(_, age)| pause > **age).map(|(tier, age)| {
            format!(
                "`max-age` of {tier}: the newest can be {} old, and from {} on this tier is asked last: have them come more often, \
                 or raise it",
                in_words(pause),
                in_words(*age)
            )
        }));
    }
    told
}

/// A time span as people say it, by its largest unit that is whole.
pub(super) fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86400, "days"), (3600, "h"), (60, "min")];
    let unit = units
        .iter()
        .find(|(length, _)| seconds >= 2 * length && seconds.is_multiple_of(*length));
    unit.map_or_else(
        || format!("{seconds} s"),
        |(length, name)| format!("{} {name}", seconds / length),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn told(promise: &str, all: &[Every]) -> Vec<String> {
        let text = format!("[dataset]\nmountpoint = \"/srv/app\"\n{promise}\n");
        let feeds = all.iter().map(|every| Feed {
            tiers: vec![TierName::Restic],
            what: String::new(),
            every: *every,
        });
        too_seldom(
            &declared::service("app", Some(declared::REPOSITORY), &text).unwrap(),
            &feeds.collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_promise_that_nothing_keeps_is_told() {
        let promise = "[promise]\nrecovery-point = \"24h\"";
        let day = Every::Within(24 * HOUR);
        let week = Every::Within(7 * 24 * HOUR);
        for (feeds, expected) in [
            (&[day][..], None),
            (&[week, day], None),
            (&[week, Every::Unknown], None),
            (&[week], Some("can be 7 days old, and 24 h are promised")),
            (
                &[Every::Never, week],
                Some("can be 7 days old, and 24 h are promised"),
            ),
            (
                &[Every::Never],
                Some("nothing takes snapshots or makes backups of it"),
            ),
            (&[], Some("nothing takes snapshots or makes backups of it")),
        ] {
            let told = told(promise, feeds);
            assert_eq!(told.len(), usize::from(expected.is_some()), "{feeds:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.contains(expected), "{told}");
            }
        }
        assert!(told("", &[week]).is_empty());
    }

    #[test]
    fn what_is_too_old_for_a_restore_is_told() {
        let text = "[preseed]\nmax-age = { restic = \"2d\" }\n[backup]\nhost = \"forge\"\nrepository = \"default\"";
        assert!(told(text, &[Every::Within(48 * HOUR)]).is_empty());
        let told = told(text, &[Every::Within(72 * HOUR)]);
        assert!(
            told[0].contains("can be 3 days old, and from 2 days on this tier is asked last"),
            "{told:?}"
        );
    }

    #[test]
    fn a_span_is_told_by_its_largest_whole_unit() {
        for (seconds, expected) in [
            (86400 * 7, "7 days"),
            (86400, "24 h"),
            (900, "15 min"),
            (90, "90 s"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
    }
}
