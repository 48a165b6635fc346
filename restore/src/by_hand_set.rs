//! A restore that an admin asks for, of a service as a whole: of several parts, all of them come back from one point.
//!
//! ```text
//! stage, verify and seal each part -> one point in time? -> put each in place -> or put back what is in place already
//! ```
//! Nothing is put in place before all of it is ready. From then on it goes forward: should the power go between two parts,
//! the next start finishes it ([`crate::part::half_done`]).

use declaration::settings::Service;
use storage::{Error, Presence, Result};

use crate::acting::Acting;
use crate::by_hand::{
    Offer, Request, Restored, as_asked, bring_on, must_be_replaceable, offer_on, restore_on,
};
use crate::decide::look;
use crate::executor::{Goal, bring};
use crate::half::{Half, put_all_away};
use crate::machine::ThisMachine;
use crate::part::{Part, half_done, with_parts_by_hand};
use crate::pending::Pending;
use crate::points::{self, Bound, Point};
use crate::set::{moved, must_be_unchanged, put_in_place};
use crate::source::list::by_hand;
use crate::{remember, set_back};

/// What would be restored of a service.
#[derive(Debug)]
pub struct Offers {
    /// Of each part that is restored, in the order of their mountpoints.
    pub parts: Vec<Offer>,
    /// By how much their times differ, in words; `None` if they do not.
    pub differ: Option<String>,
    /// What is to be asked for, so that this is restored.
    pub request: Request,
}

impl Offers {
    /// What was offered of this part.
    fn of(&self, part: &Service) -> Result<&Offer> {
        let name = part.name.as_str();
        let offer = self.parts.iter().find(|offer| offer.part == name);
        offer.ok_or_else(|| Error::internal(name, "nothing was offered of it"))
    }
}

/// Looks for what would be restored. Changes nothing.
///
/// # Errors
/// When nothing would be, it cannot be told, or parts that are to be of one point would not be.
pub fn offer(declared: &Service, request: &Request) -> Result<Offers> {
    let service = as_asked(declared);
    if declared.places.is_empty() {
        let offer = look(&service, &ThisMachine, |context, _| {
            let sources = by_hand(context, request.tier);
            Ok(offer_on(
                context,
                &sources,
                request,
                &mut |source, snapshot| bring(context, source, snapshot, Goal::Possible),
            )?)
        });
        return Ok(Offers {
            parts: vec![offer.map_err(|refusal| refusal.error)?],
            differ: None,
            request: request.clone(),
        });
    }
    with_parts_by_hand(&service, &ThisMachine, request.tier, |parts| {
        offer_of(parts, request, declared.together)
    })
}

/// The same of parts as they were found.
///
/// # Errors
/// As [`offer`].
pub(crate) fn offer_of(parts: &[Part<'_>], request: &Request, together: bool) -> Result<Offers> {
    must_not_be_half_done(parts)?;
    must_be_separable(parts, request, together)?;
    let mut bound = Bound::of(&request.choice);
    let mut first: Option<Vec<Option<Point>>> = None;
    loop {
        let asked = Request {
            choice: bound.choice(),
            ..request.clone()
        };
        let offered = offer_each(parts, &asked);
        let offered = match (offered, &first) {
            (Ok(offered), _) => offered,
            (Err(error), None) => return Err(error),
            // Further back, one of them has nothing.
            (Err(_), Some(first)) => return Err(points::not_together(parts, first)),
        };
        let points: Vec<Option<Point>> = points_of(parts, &offered);
        let names: Vec<&str> = parts.iter().map(Part::name).collect();
        let differ = points::in_words(&names, &points);
        if differ.is_none() || !together {
            return Ok(Offers {
                parts: offered,
                differ,
                request: asked,
            });
        }
        if !bound.lower(&points) {
            return Err(points::not_together(
                parts,
                first.as_ref().unwrap_or(&points),
            ));
        }
        first.get_or_insert(points);
    }
}

fn offer_each(parts: &[Part<'_>], request: &Request) -> Result<Vec<Offer>> {
    wanted(parts, request)
        .map(|part| {
            must_be_there(part)?;
            let context = part.context;
            offer_on(context, part.sources, request, &mut |source, snapshot| {
                bring(context, source, snapshot, Goal::Possible)
            })
        })
        .collect()
}

/// Of which time each part would be; a cache has none.
fn points_of(parts: &[Part<'_>], offers: &[Offer]) -> Vec<Option<Point>> {
    let of = |part: &Part<'_>| {
        let offer = offers.iter().find(|offer| offer.part == part.name());
        offer.map(|offer| Point::of(&offer.snapshot))
    };
    parts.iter().map(of).collect()
}

/// The parts that are restored.
fn wanted<'p, 'a>(
    parts: &'p [Part<'a>],
    request: &'p Request,
) -> impl Iterator<Item = &'p Part<'a>> + Clone {
    parts
        .iter()
        .filter(|part| request.wants(part.context.service))
}

/// That a part may be restored without the others.
fn must_be_separable(parts: &[Part<'_>], request: &Request, together: bool) -> Result<()> {
    match (&request.part, parts.first()) {
        (Some(part), Some(first)) if together => Err(Error::new(
            part.as_str(),
            "the parts of its service are to be of one point in time (`together`), and one is not restored without the others",
            format!(
                "`preseedctl restore {}` restores all of them",
                first.context.service.of()
            ),
        )),
        _ => Ok(()),
    }
}

/// That a part is mounted in its place, or that there is nothing at all of it and it is made first.
fn must_be_there(part: &Part<'_>) -> Result<()> {
    let context = part.context;
    if context.observation.presence == Presence::Mounted {
        return Ok(());
    }
    Err(Error::new(
        part.name(),
        "its dataset is not there, or not mounted, and its service is restored as a whole",
        format!(
            "`systemctl start dataset-{}.service` makes and mounts it, then ask again; nothing was changed",
            context.service.of()
        ),
    ))
}

fn must_not_be_half_done(parts: &[Part<'_>]) -> Result<()> {
    let Some(part) = parts.first().filter(|_| half_done(parts).is_some()) else {
        return Ok(());
    };
    let service = part.context.service.of();
    Err(Error::new(
        service,
        "an interrupted restore of its parts waits to be finished",
        format!(
            "`systemctl start dataset-{service}.service preseed-{service}.service` finishes it, then ask again"
        ),
    ))
}

/// Restores what was offered in the place of what is there. The service must be stopped, and all its storage locked.
///
/// # Errors
/// When it cannot be restored: what is there is there still.
pub fn restore(declared: &Service, offers: &Offers) -> Result<Vec<Restored>> {
    let service = as_asked(declared);
    let request = &offers.request;
    if declared.places.is_empty() {
        let restored = look(&service, &ThisMachine, |context, _| {
            let sources = by_hand(context, request.tier);
            Ok(offers
                .of(&service)
                .and_then(|offer| restore_on(context, &sources, request, offer))?)
        });
        return Ok(vec![restored.map_err(|refusal| refusal.error)?]);
    }
    let done = with_parts_by_hand(&service, &ThisMachine, request.tier, |parts| {
        Ok(restore_all(parts, offers))
    })?;
    done.or_else(|half| {
        with_parts_by_hand(&service, &ThisMachine, request.tier, |parts| {
            Err(set_back::take_back(parts, half))
        })
    })
}

/// Restores all parts, as they were found.
///
/// # Errors
/// When they cannot be restored, with what is in place already.
pub(crate) fn restore_all(
    parts: &[Part<'_>],
    offers: &Offers,
) -> std::result::Result<Vec<Restored>, Half> {
    must_be_ready(parts, wanted(parts, &offers.request))?;
    let mut acting = seal_all(parts, offers).map_err(|error| put_all_away(parts, error))?;
    let prepared: Vec<_> = acting.iter().map(Acting::prepared).collect();
    must_be_unchanged(parts, &acting).map_err(|error| put_all_away(parts, error))?;
    let moved = moved(&acting);
    if let Err(error) = put_in_place(parts, &mut acting, false) {
        return Err(Half::of(parts, &acting, &moved, error));
    }
    let mut all = Vec::new();
    for ((part, end), prepared) in parts.iter().zip(acting).zip(prepared) {
        if let Some(prepared) = prepared {
            remember::data(part.context);
            all.push(Restored::of(part.context.service, &prepared, end.replaced));
        }
    }
    Ok(all)
}

/// That these parts can be replaced now.
///
/// # Errors
/// When one cannot be.
pub(crate) fn must_be_ready<'p, 'a: 'p>(
    parts: &'p [Part<'a>],
    replaced: impl Iterator<Item = &'p Part<'a>> + Clone,
) -> Result<()> {
    must_not_be_half_done(parts)?;
    replaced.clone().try_for_each(must_be_there)?;
    let mut replaced = replaced;
    replaced.try_for_each(|part| must_be_replaceable(part.context))
}

/// Stages, verifies and seals the copy of each part: of the snapshot that was offered, so of one point if that was.
fn seal_all<'a>(parts: &[Part<'a>], offers: &Offers) -> Result<Vec<Acting<'a>>> {
    let request = &offers.request;
    let mut acting = Vec::with_capacity(parts.len());
    for part in parts {
        let context = part.context;
        let mut pending = None;
        if request.wants(context.service) {
            let offer = offers.of(context.service)?;
            let (prepared, _) = bring_on(context, part.sources, request, offer, Goal::Sealed)?;
            pending = Some(Pending::Swap(Some(prepared)));
        }
        acting.push(Acting::by_hand(context, pending));
    }
    Ok(acting)
}
