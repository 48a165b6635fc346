//! `[promise]` of a service's file: what its owner counts on when its data is lost.

use std::str::FromStr;
use std::time::Duration;

use super::key::keys;
use super::outcome::Outcome;
use crate::given::Given;
use crate::quote::quoted;
use crate::value::{Invalid, TimeSpan, Value};

keys! {
    /// What the service's owner counts on. Nothing is done for it: `preseedctl status` holds it against what was measured,
    /// and `preseedctl check` says whether the declared schedules can keep it at all. It is given for the service as a
    /// whole, with all its places. Times are written as in systemd.time(7).
    table "[promise]";
    instead {
        "rpo" => "write `recovery-point`",
        "rto" => "write `recovery-time`",
    }

    /// How much of the newest work may be lost: the age that the newest good snapshot or backup may have, on whatever tier
    /// it is.
    recovery_point: Limit = "recovery-point", default "none", example "\"24h\"";

    /// How long it may take until the data is back: the time that the last drill took, on the tier that would be used.
    recovery_time: Limit = "recovery-time", default "none", example "\"30min\"";
}

/// What is promised of a service; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Promise {
    /// The age that the newest good snapshot or backup may have.
    pub recovery_point: Option<Duration>,
    /// The time that a restore may take.
    pub recovery_time: Option<Duration>,
}

/// Each key's value as it holds in the end.
pub(crate) fn outcome(promise: Promise) -> Vec<(&'static str, Outcome)> {
    vec![
        (
            "recovery-point",
            Outcome::or_nothing(promise.recovery_point, Outcome::span),
        ),
        (
            "recovery-time",
            Outcome::or_nothing(promise.recovery_time, Outcome::span),
        ),
    ]
}

/// A time that is promised: unlike others, it has an end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(Duration);

impl FromStr for Limit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let not = |what| Invalid::new(what, "write how long at most, e.g. \"24h\" or \"30min\"");
        match text.parse() {
            Ok(TimeSpan(Duration::MAX)) => Err(not(format!("{} promises nothing", quoted(text)))),
            Ok(TimeSpan(span)) => Ok(Self(span)),
            Err(Invalid { what, .. }) => Err(not(what)),
        }
    }
}

impl Value for Limit {
    const EXAMPLE: &'static str = "\"24h\"";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        Some(decimal.parse())
    }
}

impl Fragment {
    /// The settings, if every value is there.
    pub(crate) fn settle(self) -> Option<Promise> {
        let span = |given: Given<Limit>| given.map(|Limit(span)| Some(span)).or(None);
        Some(Promise {
            recovery_point: span(self.recovery_point)?,
            recovery_time: span(self.recovery_time)?,
        })
    }
}
