//! Which pools were told of, and when: at once when one has become fuller, and then once a day.
//!
//! It is noted in memory: a full pool may be the one that /var is on.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use storage::uptime::{self, Uptime};
use storage::{Error, Result, state_file};

use super::level::{ALMOST, Level, NEARLY};

const DIRECTORY: &str = "/run/preseed/room";

const FILE: &str = "told.json";

/// The most that is read: a pool has some eighty bytes.
const LARGEST: u64 = 1 << 20;

/// How often the same is told. The daily timer may be an hour early.
const DAY: Duration = Duration::from_hours(23);

/// By how much a pool must be emptier than where it was told of before that is told once more, in hundredths.
const MARGIN: u64 = 3;

/// What was told of a pool, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    level: Level,
    /// See [`Uptime`].
    at: String,
}

/// What was told, by pool.
type All = BTreeMap<String, Told>;

/// Has `tell` tell of each pool that it is time to tell of, by its number, and notes it. Each has its name, how it is, and how
/// full it is, if it says.
///
/// # Errors
/// When it cannot be noted.
pub(super) fn of_all(pools: &[(&str, Level, Option<u64>)], tell: impl Fn(usize)) -> Result<()> {
    let now = uptime::now()?;
    let before = read();
    let mut after = All::new();
    for (at, (pool, level, percent)) in pools.iter().enumerate() {
        let (is_news, told) = next(before.get(*pool), *level, *percent, &now);
        if is_news {
            tell(at);
        }
        if let Some(told) = told {
            after.insert((*pool).to_owned(), told);
        }
    }
    if after == before {
        return Ok(());
    }
    write(&after)
}

/// Whether it is to be told how it is, and what is to be noted.
fn next(
    before: Option<&Told>,
    level: Level,
    percent: Option<u64>,
    now: &Uptime,
) -> (bool, Option<Told>) {
    let news = || {
        let told = Told {
            level,
            at: now.to_string(),
        };
        (true, Some(told))
    };
    let Some(before) = before else {
        return match level {
            Level::Enough => (false, None),
            _ => news(),
        };
    };
    let then = before.at.parse::<Uptime>();
    let is_recent = then.is_ok_and(|then| now.since(&then) < DAY);
    // What goes up and down about a bound is not told each time.
    let stays = percent.is_some_and(|percent| percent + MARGIN >= from(before.level));
    let was_worse = level < before.level && before.level != Level::Unknown && percent.is_some();
    match level {
        Level::Enough if was_worse && stays => (false, Some(before.clone())),
        Level::Enough => (false, None),
        _ if level == before.level || was_worse => {
            let level = if stays { before.level } else { level };
            let told = Told {
                level,
                ..before.clone()
            };
            if is_recent {
                (false, Some(told))
            } else {
                news()
            }
        }
        _ => news(),
    }
}

/// From which part of a pool on it is so.
fn from(level: Level) -> u64 {
    match level {
        Level::AlmostFull => ALMOST,
        Level::NearlyFull => NEARLY,
        Level::Unknown | Level::Enough => u64::MAX,
    }
}

/// What cannot be read is told anew.
fn read() -> All {
    let read = state_file::read(Path::new(DIRECTORY), FILE, LARGEST);
    let text = read.ok().flatten().unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write(all: &All) -> Result<()> {
    let text = serde_json::to_vec(all).unwrap_or_default();
    // Others look up in the directory above what is theirs.
    let made = match DirBuilder::new().mode(0o755).create("/run/preseed") {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    };
    made.and_then(|()| state_file::write(Path::new(DIRECTORY), FILE, &text))
        .map_err(|error| {
            Error::new(
                format!("{DIRECTORY}/{FILE}"),
                format!("what was told of full pools cannot be noted: {error}"),
                "see that /run is writable, and that we run as root",
            )
            .caused_by(&error)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What is told of a pool that is looked at at these hours, so full (`None`: it does not say).
    fn told(looks: &[(u64, Option<u64>)]) -> Vec<u64> {
        let mut noted = None;
        let mut told = Vec::new();
        for (hour, percent) in looks {
            let now: Uptime = format!("boot:{}", hour * 3600).parse().unwrap();
            let level = match percent {
                None => Level::Unknown,
                Some(ALMOST..) => Level::AlmostFull,
                Some(NEARLY..) => Level::NearlyFull,
                Some(_) => Level::Enough,
            };
            let (is_news, next) = next(noted.as_ref(), level, *percent, &now);
            told.extend(is_news.then_some(*hour));
            noted = next;
        }
        told
    }

    #[test]
    fn a_pool_is_told_of_when_it_crosses_a_bound_and_then_once_a_day() {
        let full = |looks: &[(u64, u64)]| {
            let looks = looks.iter().map(|(hour, percent)| (*hour, Some(*percent)));
            told(&looks.collect::<Vec<_>>())
        };
        assert_eq!(full(&[(0, 79), (1, 80), (2, 85), (3, 90), (4, 99)]), [1, 3]);
        assert_eq!(
            full(&[(0, 95), (22, 95), (24, 95), (25, 95), (48, 95)]),
            [0, 24, 48]
        );
        // About a bound.
        assert_eq!(full(&[(0, 80), (1, 79), (2, 81), (3, 78), (4, 80)]), [0]);
        assert_eq!(full(&[(0, 90), (1, 89), (2, 91), (3, 88), (4, 90)]), [0]);
        // With room again, it is news when it is gone.
        assert_eq!(full(&[(0, 80), (1, 76), (2, 80)]), [0, 2]);
        assert_eq!(
            full(&[(0, 90), (1, 84), (2, 90), (3, 50), (4, 91)]),
            [0, 2, 4]
        );
        // Of what is less than it was, a day later.
        assert_eq!(full(&[(0, 95), (1, 85), (24, 85), (25, 85)]), [0, 24]);
        assert_eq!(full(&[(0, 10), (100, 79)]), [0_u64; 0]);
    }

    #[test]
    fn a_pool_that_does_not_say_how_full_it_is_is_told_of_once_a_day() {
        let looks = [(0, None), (1, None), (24, None), (25, Some(10)), (26, None)];
        assert_eq!(told(&looks), [0, 24, 26]);
        assert_eq!(told(&[(0, Some(85)), (1, None), (2, Some(85))]), [0, 1, 2]);
    }
}
