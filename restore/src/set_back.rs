//! Several parts of a service that go back to what was replaced: what is there is kept in turn, and all of it goes forward as
//! one, or back.

use jiff::Timestamp;
use storage::mark::{Back, Stage};
use storage::{Error, Kept, Mark, MarkState, Result};

use crate::acting::Acting;
use crate::half::{Half, Left, Replaced, put_all_away};
use crate::part::Part;
use crate::set::{moved, put_in_place};

/// How an undo is told in a mark.
pub(crate) const UNDO: &str = "undo";

/// What is to be brought back of a part.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The part's name.
    pub(crate) part: String,
    /// The name that it is kept under.
    pub(crate) kept: String,
    /// When it was replaced.
    pub(crate) replaced_at: Option<Timestamp>,
    /// The mark that it gets; `None`: that of an undo.
    pub(crate) mark: Option<Mark>,
}

/// Brings what was replaced of these parts back. Gives for each part, in their order, what is kept of it in turn.
///
/// # Errors
/// When it cannot be done, with what is in place already.
pub(crate) fn bring_all_back(
    parts: &[Part<'_>],
    wanted: &[Wanted],
) -> std::result::Result<Vec<Option<Kept>>, Half> {
    let of = |part: &Part<'_>| wanted.iter().find(|wanted| wanted.part == part.name());
    for part in parts {
        if let Some(wanted) = of(part) {
            // What was put away is there no more.
            part.context.storage.observe()?;
            part.context.storage.must_be_undoable(&wanted.kept)?;
        }
    }
    let mut acting = Vec::with_capacity(parts.len());
    for part in parts {
        let context = part.context;
        acting.push(match of(part) {
            None => Acting::by_hand(context, None),
            Some(wanted) => {
                stage(part, wanted).map_err(|error| put_all_away(parts, error))?;
                Acting::undoing(context, wanted.replaced_at)
            }
        });
    }
    let moved = moved(&acting);
    match put_in_place(parts, &mut acting, false) {
        Ok(_) => Ok(acting.into_iter().map(|end| end.replaced).collect()),
        Err(error) => Err(Half {
            is_undo: true,
            ..Half::of(parts, &acting, &moved, error)
        }),
    }
}

fn stage(part: &Part<'_>, wanted: &Wanted) -> Result<()> {
    let set = part.context.set.as_deref();
    let undo = || Mark::new(Stage::Seeded, UNDO, &wanted.kept).in_set(set);
    let mark = wanted.mark.clone().unwrap_or_else(undo);
    part.context.storage.bring_beside(&wanted.kept, &mark)
}

/// Takes back what is in place of a set whose next part could not be put there. Gives what is to be told.
///
/// `parts` were looked at anew, and have another name as a set, which is the later one: should the power go, this goes on.
pub(crate) fn take_back(parts: &[Part<'_>], half: Half) -> Error {
    let Half {
        error,
        replaced,
        left,
        is_undo,
    } = half;
    let Some(service) = parts.first().map(|part| part.context.service.of()) else {
        return error;
    };
    let goes_on = format!(
        "only some of its parts are in place, and `systemctl start preseed-{service}.service` puts the others there: "
    );
    match left {
        Left::Nothing => return error,
        Left::Halfway => return error.while_doing(goes_on.trim_end_matches(": ")),
        Left::Copies => {}
    }
    let set = parts.first().and_then(|part| part.context.set.clone());
    let back = if is_undo { Back::Undo } else { Back::Restore }(set.unwrap_or_default());
    let wanted = replaced.iter().map(|replaced| replaced.wanted_back(&back));
    let wanted: Vec<Wanted> = wanted.collect();
    if let Err(also) = bring_all_back(parts, &wanted) {
        return error.while_doing(&format!("{goes_on}{}", also.error));
    }
    let mut error = put_away_the_rest(parts, error);
    for one in &replaced {
        if let Err(also) = put_mark_back(parts, one) {
            error = error.while_doing(&format!("{} has another mark ({also}) after", one.part));
        }
    }
    error.while_doing("nothing was replaced, and all parts are as they were")
}

impl Replaced {
    /// What is wanted to take it back: with the mark that it had, so that the next undo is of the restore that brought it,
    /// and of all parts of that, although the power goes at once.
    ///
    /// What an undo had brought is then kept as what the same restore replaced, as it was before; of a restore, that is
    /// kept already.
    fn wanted_back(&self, back: &Back) -> Wanted {
        let mark = match &self.mark {
            MarkState::Ours(mark) if mark.stage != Stage::Staging => mark.clone(),
            // Nothing is known of it.
            _ => Mark::new(Stage::Seeded, "adopted", ""),
        };
        Wanted {
            part: self.part.clone(),
            kept: self.kept.name.clone(),
            replaced_at: None,
            mark: Some(mark.brought_back(back.clone())),
        }
    }
}

/// Puts away the copies of the set that are not used.
fn put_away_the_rest(parts: &[Part<'_>], mut error: Error) -> Error {
    for part in parts {
        let storage = part.context.storage;
        let now = storage.observe();
        if let Err(also) = now.and_then(|now| storage.put_away(&now.left_over)) {
            error = error.while_doing(&format!(
                "the copy of {} is left where it was staged ({also}) after",
                part.name()
            ));
        }
    }
    error
}

/// Gives a part the mark that it had, to the letter: one that was not seeded is so again, and one that had none is adopted by
/// the next start, or restored as one that never had any data.
fn put_mark_back(parts: &[Part<'_>], replaced: &Replaced) -> Result<()> {
    let Some(part) = parts.iter().find(|part| part.name() == replaced.part) else {
        return Ok(());
    };
    let storage = part.context.storage;
    match (storage.with_snapshots(), &replaced.mark) {
        (Some(snapshots), before) => snapshots.put_mark_back(before),
        (None, MarkState::Ours(mark)) => storage.set_mark(mark),
        (None, MarkState::None | MarkState::Foreign(_)) => Ok(()),
    }
}
