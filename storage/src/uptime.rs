//! How long the machine has been up: time that no wrong clock changes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::{Error, Result};

/// A moment since the machine was booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uptime {
    /// Which boot it was.
    boot: String,
    /// Whole seconds since then, those of a suspended machine among them (`CLOCK_BOOTTIME`).
    seconds: u64,
}

/// A day: of a longer time since the last run of the daily timer, no more is counted.
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// Now.
///
/// # Errors
/// When the kernel does not tell which boot this is.
pub fn now() -> Result<Uptime> {
    let file = "/proc/sys/kernel/random/boot_id";
    let boot = std::fs::read_to_string(file).map_err(|error| {
        Error::new(
            file,
            format!("cannot be read: {error}"),
            "see that /proc is mounted",
        )
        .caused_by(&error)
    })?;
    let now = clock_gettime(ClockId::Boottime);
    Ok(Uptime {
        boot: boot.trim().to_owned(),
        seconds: u64::try_from(now.tv_sec).unwrap_or_default(),
    })
}

impl Uptime {
    /// How long the machine has been up since `earlier`, at most a day: if it was booted since, only what is surely so.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        let seconds = if self.boot == earlier.boot {
            self.seconds.saturating_sub(earlier.seconds)
        } else {
            self.seconds
        };
        Duration::from_secs(seconds).min(DAY)
    }
}

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.boot, self.seconds)
    }
}

impl FromStr for Uptime {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (boot, seconds) = text.split_once(':').ok_or(())?;
        Ok(Self {
            boot: boot.to_owned(),
            seconds: seconds.parse().map_err(|_| ())?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn time_is_counted_while_the_machine_is_up_and_a_day_at_most() {
        let at = |text: &str| text.parse::<Uptime>().unwrap();
        let seconds = |now: &str, earlier: &str| at(now).since(&at(earlier)).as_secs();
        assert_eq!(seconds("a:500", "a:200"), 300);
        assert_eq!(seconds("b:500", "a:90000"), 500);
        assert_eq!(seconds("a:9000000", "a:0"), 24 * 3600);
        assert_eq!(seconds("a:100", "a:200"), 0);
        assert_eq!(at(&at("a:7").to_string()), at("a:7"));
        assert!(now().unwrap().since(&now().unwrap()).as_secs() < 2);
    }
}
