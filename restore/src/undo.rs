//! Undoes the last restore of a service: what it replaced comes back in its place. What is there then is kept in turn, so that
//! an undo is undone the same way.

use std::path::PathBuf;

use declaration::settings::Service;
use storage::mark::{BOOTSTRAP, Stage};
use storage::replaced::{self, Replaced};
use storage::written::{self, Written};
use storage::{Error, Kept, Mark, MarkState, Presence, local};

use crate::by_hand::must_be_replaceable;
use crate::context::Context;
use crate::ending::undone;
use crate::remember;
use crate::set_back::UNDO;

/// What would be undone.
#[derive(Debug)]
pub struct Offer {
    /// The part of the service: its name, or that of a place.
    pub part: String,
    /// Where that is mounted.
    pub place: PathBuf,
    /// The mark of the restore that would be.
    pub mark: Mark,
    /// What it replaced, which would come back.
    pub kept: Replaced,
    /// What was written since, which would be kept.
    pub written: Written,
}

/// What would be undone of a part, as it was found.
///
/// # Errors
/// When there is nothing to be undone, or it cannot be.
pub(crate) fn offer_on(context: &Context<'_>) -> Result<Offer, Error> {
    let service = context.service;
    let nothing = |what: &str, help: String| Err(Error::new(service.name.as_str(), what, help));
    if context.observation.presence != Presence::Mounted {
        return Err(not_there(context));
    }
    let kept_list = || "`preseedctl kept` lists what is kept".to_owned();
    let mark = match &context.observation.mark {
        MarkState::Ours(mark) if mark.is_seeded() => mark.clone(),
        _ => return nothing("no restore brought what is there", kept_list()),
    };
    match mark.by.as_str() {
        "rollback" => {
            return nothing(
                &format!(
                    "the last restore was a rollback to {} ({}): it replaced nothing, so there is nothing to undo",
                    mark.from,
                    local(mark.at)
                ),
                format!(
                    "`preseedctl list {0}` shows what can be restored in its place, with `preseedctl restore {0}`",
                    service.of()
                ),
            );
        }
        BOOTSTRAP | "adopted" => {
            return nothing(
                "no restore has replaced anything: its data was there, or it started empty",
                kept_list(),
            );
        }
        _ => {}
    }
    let Some(kept) = replaced_by(service, &mark)? else {
        return nothing(
            &format!(
                "what the last restore replaced (by {} from {}, {}) is not kept: there was nothing, or it was released",
                mark.by,
                mark.from,
                local(mark.at)
            ),
            kept_list(),
        );
    };
    let since = kept.note.at.unwrap_or(mark.at);
    Ok(Offer {
        part: service.name.to_string(),
        place: service.mountpoint.value.clone(),
        written: written::since(&service.mountpoint, &service.nested, since)?,
        mark,
        kept,
    })
}

/// What the restore with this mark replaced; `None` if that is not kept.
fn replaced_by(service: &Service, mark: &Mark) -> Result<Option<Replaced>, Error> {
    let services = std::slice::from_ref(service);
    let listing = replaced::list(services);
    let why = format!("before-{}", mark.by);
    let of_it = listing.replaced.into_iter().filter(|kept| {
        kept.service(services).is_some()
            && kept.note.why == why
            && kept.note.from == mark.from
            // The mark was made just before.
            && kept.note.at >= Some(mark.at)
    });
    let newest = of_it.max_by_key(|kept| kept.note.at);
    match (newest, listing.errors.into_iter().next()) {
        (None, Some(error)) => Err(error),
        (newest, _) => Ok(newest),
    }
}

/// Undoes what was offered of the only part. Gives what is kept in turn.
///
/// # Errors
/// When it cannot be undone, or when it would be another restore by now.
pub(crate) fn undo_on(context: &Context<'_>, offered: &Offer) -> Result<Option<Kept>, Error> {
    must_be_replaceable(context)?;
    let now = still(context, offered)?;
    // What was put away is there no more.
    context.storage.observe()?;
    context.storage.must_be_undoable(&now.kept.name)?;
    let mark = Mark::new(Stage::Seeded, UNDO, &now.kept.name);
    let kept = context.storage.bring_back(&now.kept.name, &mark)?;
    remember::data(context);
    let event = undone(
        context.service.name.as_str(),
        now.kept.note.at,
        kept.as_ref(),
    );
    context.machine.tell(&event);
    Ok(kept)
}

/// What would be undone now, if that is what was offered.
///
/// # Errors
/// When it would be another restore by now, or nothing.
pub(crate) fn still(context: &Context<'_>, offered: &Offer) -> Result<Offer, Error> {
    let now = offer_on(context)?;
    if now.kept.name == offered.kept.name {
        return Ok(now);
    }
    Err(restored_again(context))
}

pub(crate) fn restored_again(context: &Context<'_>) -> Error {
    Error::new(
        context.service.name.as_str(),
        "it was restored again meanwhile",
        "look again with `preseedctl undo`",
    )
}

/// That nothing is undone, since there is nothing in the place.
pub(crate) fn not_there(context: &Context<'_>) -> Error {
    let service = context.service;
    Error::new(
        service.name.as_str(),
        "its data is not there, so no restore is undone",
        format!(
            "`preseedctl plan {}` says what a start would restore",
            service.of()
        ),
    )
}
