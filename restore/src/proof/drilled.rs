//! What a drill has shown of one candidate.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::Snapshot;

/// What a drill has shown of one candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Drilled {
    /// The service, or its place: `sonarr`, `sonarr.covers`.
    pub part: String,
    /// The tier, as it is declared.
    pub tier: String,
    /// The source, for people: `replica vault`.
    pub source: String,
    /// Which of the source's candidates it was.
    pub which: Which,
    /// The snapshot's whole name or id; `None`: there was none to drill.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// When that was taken.
    #[serde(default)]
    pub taken: Option<Timestamp>,
    /// When it was drilled.
    pub drilled: Timestamp,
    /// What it showed.
    pub outcome: Outcome,
    /// How long the restore took, in milliseconds, with its checks.
    #[serde(default)]
    pub took: u64,
    /// Whether a restore by this tier takes another way than the drill did, so that its time is an estimate.
    #[serde(default)]
    pub is_estimate: bool,
    /// The bytes of data that were moved; 0 where none were.
    #[serde(default)]
    pub bytes: u64,
}

/// A source of a part of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceOf {
    pub(crate) part: String,
    pub(crate) tier: String,
    pub(crate) source: String,
}

/// Which of a source's candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The newest: that which a restore would take.
    Newest,
    /// One between the newest and the oldest.
    Middle,
    /// The oldest.
    Oldest,
}

impl Which {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Middle => "middle",
            Self::Oldest => "oldest",
        }
    }
}

/// What a drill has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// All of it was restored and verified.
    Proven,
    /// What is expected, what is verified and a sample of the rest were.
    Sampled,
    /// It cannot be restored, or is not sound.
    Failed {
        /// The kind of error, as the journal has it.
        error: String,
        /// In a sentence.
        why: String,
        /// Whether a part of it may be all that was looked at: earlier versions did not note that.
        #[serde(rename = "of-a-part", default = "may_be")]
        of_a_part: bool,
    },
    /// It was not drilled.
    NotDrilled {
        /// The kind of error that kept it from being drilled; empty if it was meant not to be.
        #[serde(default)]
        error: String,
        /// In a sentence.
        why: String,
    },
}

fn may_be() -> bool {
    true
}

impl Outcome {
    /// Whether it could be restored.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Proven | Self::Sampled)
    }

    /// Whether it says something of the candidate.
    #[must_use]
    pub fn tells(&self) -> bool {
        !matches!(self, Self::NotDrilled { .. })
    }

    /// Whether it says something of all of the candidate. A sample may leave out what is damaged, and no command of `verify` is run
    /// on it.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        match self {
            Self::Proven => true,
            Self::Failed { of_a_part, .. } => !of_a_part,
            Self::Sampled | Self::NotDrilled { .. } => false,
        }
    }

    /// As the journal's `PRESEED_OUTCOME` names it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Sampled => "sampled",
            Self::Failed { .. } => "failed",
            Self::NotDrilled { .. } => "not-drilled",
        }
    }

    /// Why, where it is not good.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Proven | Self::Sampled => None,
            Self::Failed { why, .. } | Self::NotDrilled { why, .. } => Some(why),
        }
    }
}

impl Drilled {
    /// Whether it is of this snapshot: one that was destroyed and taken anew under the same name has another time.
    pub(crate) fn is_of(&self, snapshot: &Snapshot) -> bool {
        self.snapshot.as_deref() == Some(&*snapshot.name) && self.taken == Some(snapshot.taken)
    }

    /// Whether it is of the same part, source and choice as another.
    pub(super) fn is_of_same_kind(&self, other: &Self) -> bool {
        (&self.part, &self.tier, &self.source, self.which)
            == (&other.part, &other.tier, &other.source, other.which)
    }
}
