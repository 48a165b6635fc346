//! A set that could not be put in place as a whole: what is in place, and what is left of the rest.

use storage::{Error, Kept, LeftOver, MarkState, Observation, Presence, Result};

use crate::acting::Acting;
use crate::part::Part;

/// Puts away the copies of this run, which nothing is done with, since this happened.
pub(crate) fn put_all_away(parts: &[Part<'_>], mut error: Error) -> Error {
    for part in parts {
        let storage = part.context.storage;
        let put_away = storage.observe().and_then(|now| match &now.left_over {
            LeftOver::Complete(mark) if mark.placed_by() == part.context.set.as_deref() => {
                storage.put_away(&now.left_over)
            }
            _ => Ok(None),
        });
        if let Err(also) = put_away {
            error = error.while_doing(&format!(
                "the copy of {} is left where it was staged ({also}) after",
                part.name()
            ));
        }
    }
    error
}

/// A set that could not be put in place as a whole.
#[derive(Debug)]
pub(crate) struct Half {
    /// Why not.
    pub(crate) error: Error,
    /// The parts that are in place.
    pub(crate) replaced: Vec<Replaced>,
    /// What is left of the others.
    pub(crate) left: Left,
    /// Whether it was an undo: what it brought is somebody's, and is to come back by the next one.
    pub(crate) is_undo: bool,
}

/// What is left of the parts that are not in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing that this run has made: nothing was begun.
    Nothing,
    /// Each waits beside what it is to replace.
    Copies,
    /// One is on its way into its place: the next start finishes it, and the others.
    Halfway,
}

/// A part that was replaced.
#[derive(Debug)]
pub(crate) struct Replaced {
    /// The part's name.
    pub(crate) part: String,
    /// What is kept of it.
    pub(crate) kept: Kept,
    /// The mark that it had.
    pub(crate) mark: MarkState,
}

impl Half {
    /// What became of a set of which these parts (their numbers) were to be put in place.
    pub(crate) fn of(
        parts: &[Part<'_>],
        acting: &[Acting<'_>],
        moved: &[usize],
        error: Error,
    ) -> Self {
        let mut half = Self {
            left: Left::Copies,
            ..Self::from(error)
        };
        for number in moved {
            let (context, end) = (parts[*number].context, &acting[*number]);
            if let Some(kept) = &end.replaced {
                half.replaced.push(Replaced {
                    part: context.service.name.to_string(),
                    kept: kept.clone(),
                    mark: context.observation.mark.clone(),
                });
            } else if end.pending.is_none() && !waits(context.storage.observe()) {
                half.left = Left::Halfway;
            }
        }
        half
    }
}

/// Whether a complete copy waits beside what it is to replace.
fn waits(now: Result<Observation>) -> bool {
    now.is_ok_and(|now| {
        now.presence != Presence::Missing && matches!(now.left_over, LeftOver::Complete(_))
    })
}

impl From<Error> for Half {
    fn from(error: Error) -> Self {
        Self {
            error,
            replaced: Vec::new(),
            left: Left::Nothing,
            is_undo: false,
        }
    }
}
