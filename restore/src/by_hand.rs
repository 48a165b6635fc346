//! A restore that an admin asks for: of a time or a snapshot that was chosen, whatever lies there now.
//!
//! The search and the executor are those of every restore. Nothing is rolled back: what is there is replaced and kept.

use std::cell::RefCell;
use std::path::PathBuf;

use declaration::settings::{Prefer, Service};
use declaration::value::TierName;
use jiff::Timestamp;
use report::{Event, Kind};
use storage::{Error, ErrorKind, Kept, LeftOver, Presence, Snapshot, local};

use crate::acting::Acting;
use crate::answer::{Answer, Conclusion, Observer, PassedOver};
use crate::chosen::{self, Choice};
use crate::context::Context;
use crate::ending::unmounted;
use crate::executor::{Goal, bring};
use crate::failure::Failure;
use crate::pending::Prepared;
use crate::remember;
use crate::search::{Act, search};
use crate::source::{Source, word};

/// What an admin asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which snapshots count.
    pub choice: Choice,
    /// The only tier that is asked; `None`: all that are declared.
    pub tier: Option<TierName>,
    /// The only part of the service that is restored; `None`: all of them.
    pub part: Option<String>,
}

impl Request {
    /// Whether this part is to be restored: a cache never is.
    pub(crate) fn wants(&self, part: &Service) -> bool {
        let is_meant = |name: &String| part.name.as_str() == name;
        part.is_restored() && self.part.as_ref().is_none_or(is_meant)
    }
}

/// What would be restored.
#[derive(Debug)]
pub struct Offer {
    /// The part of the service: its name, or that of a place.
    pub part: String,
    /// Where that is mounted.
    pub place: PathBuf,
    /// The source of it, for people.
    pub source: String,
    /// The snapshot, for people.
    pub label: String,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The next older one that was not passed over.
    pub earlier: Option<Snapshot>,
    /// The next newer one, which does not count.
    pub later: Option<Snapshot>,
    /// Newer ones that do not hold the data, and why, in words.
    pub passed_over: Vec<String>,
    /// What could not be asked, in words.
    pub not_asked: Vec<String>,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The part of the service: its name, or that of a place.
    pub part: String,
    /// From which snapshot, for people.
    pub label: String,
    /// When that was taken, in words.
    pub taken: String,
    /// What it replaced.
    pub kept: Option<Kept>,
}

impl Restored {
    pub(crate) fn of(service: &Service, prepared: &Prepared, kept: Option<Kept>) -> Self {
        Self {
            part: service.name.to_string(),
            label: prepared.label.clone(),
            taken: local(prepared.snapshot.taken),
            kept,
        }
    }
}

/// The service as an admin's choice makes it, and its places: the newest of all tiers, however old.
pub(crate) fn as_asked(declared: &Service) -> Service {
    let mut service = declared.clone();
    service.places = declared.places.iter().map(as_asked).collect();
    service.preseed.prefer = Prefer::Newest;
    service.preseed.max_age.clear();
    service
}

/// Searches for what was chosen until `act` succeeds with a snapshot, and gives that one.
///
/// # Errors
/// When there is none.
pub(crate) fn offer_on(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    request: &Request,
    act: &mut Act<'_>,
) -> Result<Offer, Error> {
    let later = RefCell::new(None);
    let sources = chosen::of(sources, &request.choice, &later);
    let mut seen = Seen::default();
    let concluded = search(context, &sources, &mut seen, act)?;
    let Some((source, label, snapshot)) = seen.taken else {
        return Err(nothing(
            context.service,
            request,
            concluded,
            &seen.passed_over,
        ));
    };
    let older = seen
        .others
        .into_iter()
        .filter(|other| other.taken < snapshot.taken);
    let earlier = older.max_by_key(|other| other.taken);
    drop(sources);
    Ok(Offer {
        part: context.service.name.to_string(),
        place: context.service.mountpoint.value.clone(),
        earlier,
        later: later.into_inner(),
        passed_over: seen.passed_over,
        not_asked: seen.not_asked,
        source,
        label,
        snapshot,
    })
}

/// Restores what was offered in the place of what is there.
///
/// # Errors
/// When it cannot be restored: what is there is there still.
pub(crate) fn restore_on(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    request: &Request,
    offer: &Offer,
) -> Result<Restored, Error> {
    must_be_replaceable(context)?;
    let (prepared, kept) = bring_on(context, sources, request, offer, Goal::InPlace)?;
    Acting::by_hand(context, None).tell_restored(&prepared, kept.as_ref());
    remember::data(context);
    Ok(Restored::of(context.service, &prepared, kept))
}

/// Brings what was offered as far as `goal` says. Gives what was brought, and what it replaced.
///
/// # Errors
/// When it cannot be brought. Nothing else is.
pub(crate) fn bring_on(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    request: &Request,
    offer: &Offer,
    goal: Goal,
) -> Result<(Prepared, Option<Kept>), Error> {
    let later = RefCell::new(None);
    let sources = chosen::of(sources, &request.choice, &later);
    let passed_over = RefCell::new(Vec::new());
    let mut bringing = Bringing {
        context,
        passed_over: &passed_over,
        brought: None,
    };
    let concluded = search(context, &sources, &mut bringing, &mut |source, snapshot| {
        // The same moment is the same data, whatever has it: a replica's snapshot has the time of ours, and so has a backup of it.
        if snapshot.taken != offer.snapshot.taken {
            let now = (source.label(snapshot), snapshot.taken);
            let error = not_as_offered(context.service, request, offer, now, &passed_over.borrow());
            // No other one is.
            return Err(Failure::Storage(error));
        }
        bring(context, source, snapshot, goal)
    })?;
    bringing
        .brought
        .ok_or_else(|| nothing(context.service, request, concluded, &passed_over.borrow()))
}

/// That the next snapshot would be another one than was agreed to: that one was passed over, for its checks or otherwise.
fn not_as_offered(
    service: &Service,
    request: &Request,
    offer: &Offer,
    (label, taken): (String, Timestamp),
    passed_over: &[String],
) -> Error {
    let why = match passed_over {
        [] => "other snapshots are there by now".to_owned(),
        passed_over => format!("passed over {}", passed_over.join("; ")),
    };
    let name = request.part.as_deref();
    let name = name.unwrap_or_else(|| service.of());
    let tier = request.tier.as_ref();
    let tier = tier.map_or_else(String::new, |tier| format!(" --tier {tier}"));
    let taken = local(taken);
    Error::new(
        service.name.as_str(),
        format!(
            "{} ({}) was offered, and it would be {label} ({taken}): {why}",
            offer.label,
            local(offer.snapshot.taken)
        ),
        format!(
            "`preseedctl restore {name}{tier} --at {taken}` asks again, with all of it as of then; nothing was replaced"
        ),
    )
    .of_kind(ErrorKind::PartlyThere)
}

/// That what is there can be replaced now: nothing runs, and what an earlier restore left is out of the way.
///
/// # Errors
/// When it cannot be.
pub(crate) fn must_be_replaceable(context: &Context<'_>) -> Result<(), Error> {
    let service = context.service;
    if let Some(unit) = context.machine.running(service)?.first() {
        return Err(Error::new(
            service.name.as_str(),
            format!("{unit} is running, and its data is not replaced below it"),
            format!("`systemctl stop {unit}`, or add --stop"),
        ));
    }
    let left_over = &context.observation.left_over;
    match context.observation.presence {
        Presence::Unmounted => return Err(unmounted(service)),
        Presence::Missing if matches!(left_over, LeftOver::Complete(_)) => {
            return Err(Error::new(
                service.name.as_str(),
                "an interrupted restore waits to be put in place",
                format!(
                    "`systemctl start dataset-{}.service` finishes it, then ask again",
                    service.of()
                ),
            ));
        }
        Presence::Missing | Presence::Mounted => {}
    }
    if let Some(what) = context.storage.put_away(left_over)? {
        let event = Event::new(Kind::StorageChanged, service.name.as_str(), what);
        let event = event.of(service.of()).outcome("put-away");
        context.machine.tell(&event);
    }
    Ok(())
}

/// Why nothing was restored.
pub(crate) fn nothing(
    service: &Service,
    request: &Request,
    concluded: Conclusion,
    passed_over: &[String],
) -> Error {
    let name = service.name.as_str();
    let which = match &request.choice {
        Choice::NotAfter(at) => format!("no snapshot of before {} that holds its data", local(*at)),
        Choice::Named(snapshot) => format!("no snapshot `{snapshot}` that holds its data"),
    };
    let of = request
        .tier
        .map_or_else(String::new, |tier| format!(" in the tier {tier}"));
    let help = format!("`preseedctl list {}` shows what there is", service.of());
    let mut what = format!("there is {which}{of}");
    let faults = match concluded {
        Conclusion::Inconclusive(sources) => {
            sources.into_iter().map(|of| of.error.to_string()).collect()
        }
        _ => passed_over.to_vec(),
    };
    if !faults.is_empty() {
        what = format!("{what}: {}", faults.join("; "));
    }
    Error::new(name, what, help)
}

/// What was seen of the sources.
#[derive(Default)]
struct Seen {
    taken: Option<(String, String, Snapshot)>,
    others: Vec<Snapshot>,
    passed_over: Vec<String>,
    not_asked: Vec<String>,
}

impl Observer for Seen {
    fn wants_all(&self) -> bool {
        true
    }

    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &PassedOver<'_>) {
        self.passed_over.push(not_taken(source, snapshot, why));
        // It could not be brought: the next one is looked for.
        self.taken = None;
    }

    fn put_off(&mut self, _source: &dyn Source, _snapshot: &Snapshot, _why: &str) {}

    fn not_needed(&mut self, _source: &dyn Source, snapshot: &Snapshot, _why: &str) {
        self.others.push(snapshot.clone());
    }

    fn taken(&mut self, source: &dyn Source, snapshot: &Snapshot) {
        self.taken = Some((source.name(), source.label(snapshot), snapshot.clone()));
    }

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        match answer {
            Answer::Unavailable(_) => self.not_asked.push(answer.in_words(&source.name())),
            Answer::Failed(_) | Answer::NotUsed(_) => {
                self.not_asked.push(answer.in_words(&source.name()));
                self.taken = None;
            }
            _ => {}
        }
    }
}

fn not_taken(source: &dyn Source, snapshot: &Snapshot, why: &PassedOver<'_>) -> String {
    format!(
        "{} ({}): {why}",
        source.label(snapshot),
        local(snapshot.taken)
    )
}

/// Tells the journal what was passed over, and what was brought.
struct Bringing<'a> {
    context: &'a Context<'a>,
    passed_over: &'a RefCell<Vec<String>>,
    brought: Option<(Prepared, Option<Kept>)>,
}

impl Observer for Bringing<'_> {
    fn asking(&mut self, source: &dyn Source) {
        self.context
            .machine
            .say(&format!("asking {}", source.name()));
    }

    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &PassedOver<'_>) {
        storage::interrupt::halt();
        let what = not_taken(source, snapshot, why);
        let service = self.context.service;
        let message = format!("passed over {what}");
        let event = Event::new(Kind::PassedOver, service.name.as_str(), message)
            .of(service.of())
            .tier(word(source.tier()))
            .outcome("passed-over");
        self.context.machine.tell(&event.snapshot(&snapshot.name));
        self.passed_over.borrow_mut().push(what);
    }

    fn put_off(&mut self, _source: &dyn Source, _snapshot: &Snapshot, _why: &str) {}

    fn taken(&mut self, _source: &dyn Source, _snapshot: &Snapshot) {}

    fn answered(&mut self, source: &dyn Source, answer: &Answer) {
        storage::interrupt::halt();
        if let Answer::Restored(snapshot, restored) = answer {
            let prepared = Prepared {
                tier: source.tier(),
                label: source.label(snapshot),
                snapshot: snapshot.clone(),
                bytes: restored.bytes,
            };
            self.brought = Some((prepared, restored.kept.clone()));
        }
    }
}
