//! Times for people: as the clock on the wall shows them, with what it is off from UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time in the machine's own time zone (`/etc/localtime`, or `TZ`), in whole seconds, e.g.
/// `2026-11-23T08:21:00+01:00`. In UTC, it ends with `Z`.
#[must_use]
pub fn local(at: Timestamp) -> String {
    within(at, TimeZone::system())
}

fn within(at: Timestamp, zone: TimeZone) -> String {
    let there = at.to_zoned(zone);
    let format = if there.offset().is_zero() {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%:z"
    };
    there.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_time_says_what_it_is_off_from_utc() {
        let at: Timestamp = "2026-11-23T23:21:00.9Z".parse().unwrap();
        let east = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(within(at, east), "2026-11-24T00:21:00+01:00");
        assert_eq!(within(at, TimeZone::UTC), "2026-11-23T23:21:00Z");
    }
}
