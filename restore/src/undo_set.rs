//! Undoes the last restore of a service as a whole: all parts that it replaced come back together, or none.

use declaration::settings::Service;
use storage::{Kept, Mark, MarkState, Presence, Result};

use crate::by_hand_set::must_be_ready;
use crate::decide::look;
use crate::half::Half;
use crate::machine::ThisMachine;
use crate::part::{Part, with_parts_by_hand};
use crate::set_back::{Wanted, bring_all_back, take_back};
use crate::undo::{Offer, offer_on, still, undo_on};
use crate::{remember, undo};

/// Looks for what would be undone, in the order of the parts' mountpoints. Changes nothing.
///
/// # Errors
/// When there is nothing to be undone, or it cannot be: all of it, or of one part.
pub fn offer(declared: &Service) -> Result<Vec<Offer>> {
    if declared.places.is_empty() {
        let offer = look(declared, &ThisMachine, |context, _| Ok(offer_on(context)?));
        return Ok(vec![offer.map_err(|refusal| refusal.error)?]);
    }
    with_parts_by_hand(declared, &ThisMachine, None, |parts| {
        last_restored(parts)?
            .into_iter()
            .map(|part| offer_on(part.context))
            .collect()
    })
}

/// The parts that were restored last, together.
///
/// # Errors
/// When a part is not there, or none was restored.
pub(crate) fn last_restored<'p, 'a>(parts: &'p [Part<'a>]) -> Result<Vec<&'p Part<'a>>> {
    let restored = parts
        .iter()
        .filter(|part| part.context.service.is_restored());
    let restored: Vec<&Part<'_>> = restored.collect();
    let missing = |part: &&&Part<'_>| part.context.observation.presence != Presence::Mounted;
    if let Some(missing) = restored.iter().find(missing) {
        return Err(undo::not_there(missing.context));
    }
    let Some(last) = restored
        .iter()
        .filter_map(|part| restore_of(part))
        .max_by_key(|mark| mark.at)
    else {
        // It says why not.
        return Ok(restored.into_iter().take(1).collect());
    };
    let is_one = |part: &&Part<'_>| {
        let mark = restore_of(part);
        mark.is_some_and(|mark| mark == last || mark.set.is_some() && mark.set == last.set)
    };
    let last = restored.iter().copied().filter(is_one);
    Ok(last.collect())
}

/// The mark of the restore that brought a part; `None` if its data was there, or it started empty.
fn restore_of<'p>(part: &'p Part<'_>) -> Option<&'p Mark> {
    match &part.context.observation.mark {
        MarkState::Ours(mark) if mark.tells_of_a_restore() => Some(mark),
        _ => None,
    }
}

/// Undoes what was offered. The service must be stopped, and all its storage locked. Gives what is kept in turn.
///
/// # Errors
/// When it cannot be undone, or when it would be another restore by now. All parts are as they were then.
pub fn undo(declared: &Service, offered: &[Offer]) -> Result<Vec<Kept>> {
    if declared.places.is_empty() {
        let undone = look(declared, &ThisMachine, |context, _| {
            let kept = offered.first().map(|offer| undo_on(context, offer));
            Ok(kept.transpose()?.flatten())
        });
        return Ok(undone
            .map_err(|refusal| refusal.error)?
            .into_iter()
            .collect());
    }
    let done = with_parts_by_hand(declared, &ThisMachine, None, |parts| {
        Ok(undo_all(parts, offered))
    })?;
    done.or_else(|half| {
        with_parts_by_hand(declared, &ThisMachine, None, |parts| {
            Err(take_back(parts, half))
        })
    })
}

fn undo_all(parts: &[Part<'_>], offered: &[Offer]) -> std::result::Result<Vec<Kept>, Half> {
    let last = last_restored(parts)?;
    must_be_ready(parts, last.iter().copied())?;
    let mut wanted = Vec::with_capacity(last.len());
    for part in &last {
        let offer = offered.iter().find(|offer| offer.part == part.name());
        let offer = offer.ok_or_else(|| undo::restored_again(part.context))?;
        let now = still(part.context, offer)?;
        wanted.push(Wanted {
            part: now.part,
            kept: now.kept.name,
            replaced_at: now.kept.note.at,
            mark: None,
        });
    }
    let kept = bring_all_back(parts, &wanted)?;
    for part in last {
        remember::data(part.context);
    }
    Ok(kept.into_iter().flatten().collect())
}
