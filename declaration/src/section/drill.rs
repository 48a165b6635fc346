//! `[drill]` of a service's file: when it is tried out whether its data can be restored.

use super::key::keys;
use super::outcome::Outcome;
use crate::value::{Calendar, Size};

keys! {
    /// When it is tried out whether the service's data can be restored: each tier restores it into a scratch dataset, which
    /// is verified, timed and thrown away. The service and its data are left alone, and it may run.
    table "[drill]";

    /// When that is done, as in systemd.time(7): by `drill-NAME.timer`. Without it, only `preseedctl drill` does it.
    schedule: Calendar = "schedule", default "none", example "\"weekly\"";

    /// The most that a drill copies. Of a backup that is larger, `expect`, what `verify` checks and a random sample are
    /// restored, and the result says `sampled`. Where the first two are larger as well, it is not drilled, nor is a replica
    /// that is. A clone copies nothing. A size, or `none`.
    max_size: Size = "max-size", default "`\"50G\"`", example "\"200G\"";
}

/// The most that a drill copies if nothing is declared.
const MAX_SIZE: Size = Size(50 << 30);

/// When it is tried out whether a service's data can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// When (systemd.time(7)); `None`: only by hand.
    pub schedule: Option<String>,
    /// The most bytes that are copied; [`u64::MAX`]: any number.
    pub max_size: u64,
}

impl Default for Drill {
    fn default() -> Self {
        Self {
            schedule: None,
            max_size: MAX_SIZE.0,
        }
    }
}

/// Each key's value as it holds in the end.
pub(crate) fn outcome(drill: &Drill) -> Vec<(&'static str, Outcome)> {
    vec![
        (
            "schedule",
            Outcome::or_nothing(drill.schedule.as_ref(), Outcome::text),
        ),
        ("max-size", Outcome::text(Size(drill.max_size))),
    ]
}

impl Fragment {
    /// The settings, if every value is there.
    pub(crate) fn settle(self) -> Option<Drill> {
        Some(Drill {
            schedule: self.schedule.map(|Calendar(event)| Some(event)).or(None)?,
            max_size: self.max_size.or(MAX_SIZE)?.0,
        })
    }
}
