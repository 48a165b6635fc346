//! Undoes the last restore of a service: what it replaced comes back in its place. What is there then is kept in turn, so that
//! an undo is undone the same way.

use declaration::settings::Service;
use report::{Event, Kind};
use storage::mark::{BOOTSTRAP, Stage};
use storage::replaced::{self, Replaced};
use storage::written::{self, Written};
use storage::{Error, Kept, Mark, MarkState, Presence, local};

use crate::by_hand::{must_be_of_one_part, must_be_replaceable};
use crate::context::Context;
use crate::decide::look;
use crate::machine::ThisMachine;
use crate::remember;

/// How an undo is told in a mark.
pub const UNDO: &str = "undo";

/// What would be undone.
#[derive(Debug)]
pub struct Offer {
    /// The mark of the restore that would be.
    pub mark: Mark,
    /// What it replaced, which would come back.
    pub kept: Replaced,
    /// What was written since, which would be kept.
    pub written: Written,
}

/// Looks for what would be undone. Changes nothing.
///
/// # Errors
/// When there is nothing to be undone, or it cannot be.
pub fn offer(declared: &Service) -> Result<Offer, Error> {
    must_be_of_one_part(declared)?;
    look(declared, &ThisMachine, |context, _| Ok(offer_on(context)?))
        .map_err(|refusal| refusal.error)
}

fn offer_on(context: &Context<'_>) -> Result<Offer, Error> {
    let service = context.service;
    let nothing = |what: &str, help: String| Err(Error::new(service.name.as_str(), what, help));
    if context.observation.presence != Presence::Mounted {
        return nothing(
            "its data is not there, so no restore is undone",
            format!(
                "`preseedctl plan {}` says what a start would restore",
                service.name
            ),
        );
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
                    service.name
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
        written: written::since(&service.mountpoint, since)?,
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

/// Undoes what was offered. The service must be stopped, and its storage locked. Gives what is kept in turn.
///
/// # Errors
/// When it cannot be undone, or when it would be another restore by now.
pub fn undo(declared: &Service, offered: &Offer) -> Result<Option<Kept>, Error> {
    look(declared, &ThisMachine, |context, _| {
        Ok(undo_on(context, offered)?)
    })
    .map_err(|refusal| refusal.error)
}

fn undo_on(context: &Context<'_>, offered: &Offer) -> Result<Option<Kept>, Error> {
    must_be_replaceable(context)?;
    let now = offer_on(context)?;
    if now.kept.name != offered.kept.name {
        return Err(Error::new(
            context.service.name.as_str(),
            "it was restored again meanwhile",
            "look again with `preseedctl undo`",
        ));
    }
    // What was put away is there no more.
    context.storage.observe()?;
    context.storage.must_be_undoable(&now.kept.name)?;
    let mark = Mark::new(Stage::Seeded, UNDO, &now.kept.name);
    let kept = context.storage.bring_back(&now.kept.name, &mark)?;
    remember::data(context);
    let message = format!(
        "undone: what was replaced at {} is back{}",
        now.kept
            .note
            .at
            .map_or_else(|| "an unknown time".to_owned(), local),
        storage::kept::in_words(kept.as_ref())
    );
    let event = Event::new(Kind::Undone, context.service.name.as_str(), message);
    context.machine.tell(&event.outcome("undone"));
    Ok(kept)
}
