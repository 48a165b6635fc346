//! How it is with a service, and with its data, in a word or two.

/// How it is with a service; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// All is well, as far as is known.
    Well,
    /// It was never started, or has no data yet.
    NotStarted,
    /// What is promised of it is kept; something about it is not as it should be.
    NeedsALook,
    /// Whether a promise is kept, or anything could restore it, is not known.
    Unproven,
    /// A promise is broken.
    PromiseBroken,
    /// Nothing could restore it.
    Unprotected,
    /// It is being restored.
    Restoring,
    /// It is kept down, or would not start as it is.
    Down,
}

impl State {
    /// The exit status that tells it.
    pub(crate) fn exit(self) -> u8 {
        match self {
            Self::Well | Self::NotStarted => 0,
            Self::NeedsALook | Self::Unproven | Self::PromiseBroken | Self::Unprotected => 1,
            Self::Restoring | Self::Down => 2,
        }
    }

    /// In a word or two.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::NotStarted => "not started",
            Self::NeedsALook => "needs a look",
            Self::Unproven => "unproven",
            Self::PromiseBroken => "promise broken",
            Self::Unprotected => "unprotected",
            Self::Restoring => "restoring",
            Self::Down => "down",
        }
    }
}

/// Whether a part's data is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    There,
    /// It never had any.
    NotYet,
    Gone,
    Partly,
    NotMounted,
    Unknown,
}

impl Data {
    /// In a word or two.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::NotYet => "none yet",
            Self::Gone => "gone",
            Self::Partly => "partly there",
            Self::NotMounted => "not mounted",
            Self::Unknown => "not known",
        }
    }
}

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) state: State,
    /// In a sentence, with what to do.
    pub(crate) text: String,
}
