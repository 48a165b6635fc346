//! Brings files of a chosen snapshot out to a directory of an admin's. The service, its storage and its mark stay as they
//! are, and it may run.

use std::path::PathBuf;

use declaration::settings::Service;
use report::Progress;
use storage::{Error, Outside, Snapshot};

use crate::by_hand::{Offer, Request, as_asked, offer_on};
use crate::chosen::Choice;
use crate::context::Context;
use crate::decide::look;
use crate::failure::Failure;
use crate::machine::ThisMachine;
use crate::source::list::by_hand;
use crate::source::{Bring, Fill, Restored, Source};

/// The service of which only these paths are wanted. Of a snapshot that was named, nothing else is asked.
fn limited(declared: &Service, request: &Request, paths: &[PathBuf]) -> Service {
    let mut service = as_asked(declared);
    service.preseed.paths = paths.to_vec();
    service.preseed.verify.clear();
    if matches!(request.choice, Choice::Named(_)) {
        service.preseed.expect.clear();
    }
    service
}

/// Looks for the snapshot that `paths` (relative; empty: everything) would be brought out of. Changes nothing.
///
/// # Errors
/// When there is none, or it cannot be told.
pub fn offer(declared: &Service, request: &Request, paths: &[PathBuf]) -> Result<Offer, Error> {
    let service = limited(declared, request, paths);
    look(&service, &ThisMachine, |context, _| {
        let sources = by_hand(context, request.tier);
        Ok(offer_on(context, &sources, request, &mut |_, _| {
            Ok(Restored::default())
        })?)
    })
    .map_err(|refusal| refusal.error)
}

/// Brings `paths` out to `outside`. Gives the snapshot they are of.
///
/// # Errors
/// When they cannot be. What had come is still in `outside`, to be thrown away.
pub fn bring_out(
    declared: &Service,
    request: &Request,
    paths: &[PathBuf],
    outside: &Outside,
) -> Result<Offer, Error> {
    let service = limited(declared, request, paths);
    look(&service, &ThisMachine, |context, _| {
        let sources = by_hand(context, request.tier);
        Ok(offer_on(
            context,
            &sources,
            request,
            &mut |source, snapshot| bring(context, source, snapshot, outside),
        )?)
    })
    .map_err(|refusal| refusal.error)
}

fn bring(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    outside: &Outside,
) -> Result<Restored, Failure> {
    let bring = source.bring(snapshot)?;
    context.turn.take().map_err(Failure::Storage)?;
    source.begins();
    let name = context.service.name.as_str();
    let mut progress = Progress::of_restore(name, &source.label(snapshot));
    let brought = match bring {
        Bring::Staged {
            fill: Fill::By(fill),
            ..
        } => {
            let (mut fill, mut filled) = (Some(fill), Ok(()));
            let seen = outside.inside(context.service, &mut |directory| {
                if let Some(fill) = fill.take() {
                    filled = fill(directory, &mut progress);
                }
            });
            // Part of it may have come already: no other snapshot is mixed with it.
            seen.and(filled.map_err(|failure| failure.error().clone()))
                .map_err(Failure::Storage)
        }
        Bring::Staged {
            fill: Fill::Paths(paths),
            ..
        } => copy_out(context, snapshot, &paths, outside, &mut progress),
        Bring::InPlace
        | Bring::Staged {
            fill: Fill::Nothing,
            ..
        } => copy_out(
            context,
            snapshot,
            &[PathBuf::from(".")],
            outside,
            &mut progress,
        ),
    };
    context.turn.give_back();
    brought.map(|()| Restored {
        kept: None,
        bytes: progress.bytes(),
    })
}

fn copy_out(
    context: &Context<'_>,
    snapshot: &Snapshot,
    paths: &[PathBuf],
    outside: &Outside,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let storage = context.with_snapshots().map_err(Failure::Storage)?;
    storage
        .copy_out(snapshot, paths, outside, &mut |done, total| {
            progress.at(done, total);
        })
        // Part of it may have come already: no other snapshot is mixed with it.
        .map_err(Failure::Storage)
}
