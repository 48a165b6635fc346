//! What is told of a service, and how it is told as JSON: docs/status.md has each field.

use jiff::Timestamp;
use protection::room::Room;
use restore::verdict::Held;
use serde_json::{Value, json};
use storage::Snapshot;
use storage::replaced::Due;

use super::facts::{Copy, Facts, Part};
use super::judge::{Judged, data, way};
use super::more::More;
use super::room;
use super::state::{Data, State};

/// What is told of a service.
pub(crate) enum Told {
    /// One whose declaration cannot be used.
    Broken { name: String, problems: Vec<String> },
    /// One that was looked at.
    Sound(Box<Sound>),
}

/// A service that was looked at.
pub(crate) struct Sound {
    pub(crate) facts: Facts,
    pub(crate) judged: Judged,
    /// Only for a page.
    pub(crate) more: Option<More>,
    pub(crate) now: Timestamp,
}

impl Told {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Broken { name, .. } => name,
            Self::Sound(sound) => &sound.facts.name,
        }
    }

    pub(crate) fn state(&self) -> State {
        match self {
            Self::Broken { .. } => State::Down,
            Self::Sound(sound) => sound.judged.state,
        }
    }

    /// The state in a word or two, with how far a restore is.
    pub(crate) fn state_in_words(&self) -> String {
        let words = self.state().words();
        match self {
            Self::Sound(sound) if self.state() == State::Restoring => sound
                .judged
                .percent
                .map_or_else(|| words.to_owned(), |percent| format!("{words} {percent}%")),
            _ => words.to_owned(),
        }
    }

    /// What is wrong, the worst first.
    pub(crate) fn troubles(&self) -> Vec<&str> {
        match self {
            Self::Broken { problems, .. } => problems.iter().map(String::as_str).collect(),
            Self::Sound(sound) => {
                let troubles = sound.judged.troubles.iter();
                troubles.map(|trouble| trouble.text.as_str()).collect()
            }
        }
    }
}

impl Sound {
    /// Whether its data is there: that of the part of which least is.
    pub(crate) fn data(&self) -> Data {
        let all = self.facts.parts.iter().map(|part| data(&self.facts, part));
        let worst = |data: &Data| match data {
            Data::There => 0,
            Data::NotYet => 1,
            Data::Unknown => 2,
            Data::NotMounted => 3,
            Data::Partly => 4,
            Data::Gone => 5,
        };
        all.max_by_key(worst).unwrap_or(Data::Unknown)
    }

    /// Whether a copy was restored by a drill.
    pub(crate) fn is_proven(&self, snapshot: &Snapshot) -> bool {
        let drills = self.facts.drills.as_ref();
        drills.is_ok_and(|drills| drills.is_proven(snapshot))
    }
}

/// All that is told, as JSON.
pub(crate) fn as_json(told: &[Told], rooms: &[Room], asked: bool, exit_status: u8) -> Value {
    let services: Vec<Value> = told.iter().map(one).collect();
    json!({
        "at": Timestamp::now().to_string(),
        "exit_status": exit_status,
        "asked_far_sources": asked,
        "services": services,
        "pools": room::as_json(rooms),
    })
}

fn one(told: &Told) -> Value {
    let mut all = json!({
        "service": told.name(),
        "state": told.state().words().replace(' ', "-"),
        "exit_status": told.state().exit(),
        "troubles": told.troubles(),
    });
    let (Told::Sound(sound), Value::Object(fields)) = (told, &mut all) else {
        return all;
    };
    let Sound { facts, judged, .. } = sound.as_ref();
    let parts: Vec<Value> = facts
        .parts
        .iter()
        .map(|part| of_part(sound, part))
        .collect();
    let promise = facts.promise;
    fields.insert("restored_percent".into(), json!(judged.percent));
    fields.insert("data".into(), json!(sound.data().words()));
    fields.insert("parts".into(), parts.into());
    fields.insert(
        "promise".into(),
        json!({
            "recovery_point_seconds": promise.recovery_point.map(|most| most.as_secs()),
            "newest_good_copy_taken": judged.good.map(|good| good.to_string()),
            "recovery_time_seconds": promise.recovery_time.map(|most| most.as_secs()),
            "drill_took_seconds": judged.took.map(|(took, _)| took.as_secs_f64()),
            "drill_is_estimate": judged.took.map(|(_, is_estimate)| is_estimate),
        }),
    );
    if let Some(more) = &sound.more {
        fields.insert("more".into(), of_more(more));
    }
    all
}

fn of_part(sound: &Sound, part: &Part) -> Value {
    let facts = &sound.facts;
    let mark = part.mark.as_ref();
    let copies: Vec<Value> = part
        .copies
        .iter()
        .map(|copy| of_copy(sound, copy))
        .collect();
    let way = way(facts, part, sound.now).map(|way| {
        json!({
            "tier": way.tier.as_str(),
            "source": way.copy.source,
            "snapshot": way.snapshot.map(|snapshot| &snapshot.name),
        })
    });
    json!({
        "name": part.name,
        "place": part.place.to_string_lossy(),
        "data": data(facts, part).words(),
        "came_by": mark.map(|mark| &mark.by),
        "came_from": mark.map(|mark| &mark.from),
        "since": mark.map(|mark| mark.at.to_string()),
        "copies": copies,
        "if_lost_now": way,
    })
}

fn of_copy(sound: &Sound, copy: &Copy) -> Value {
    let known = copy.known();
    let holds = known.and_then(|newest| newest.held.as_ref());
    json!({
        "tier": copy.tier.as_str(),
        "source": copy.source,
        "asked": !copy.is_unasked,
        "error": copy.newest.as_ref().err().map(ToString::to_string),
        "newest": known.map(|newest| &newest.snapshot.name),
        "taken": known.map(|newest| newest.snapshot.taken.to_string()),
        "noted": known.map(|newest| newest.is_noted),
        "holds_the_data": holds.map(|held| matches!(held, Ok(Held::Data))),
        "proven": known.map(|newest| sound.is_proven(&newest.snapshot)),
        "good": copy.good.as_ref().map(|good| &good.name),
        "good_taken": copy.good.as_ref().map(|good| good.taken.to_string()),
    })
}

fn of_more(more: &More) -> Value {
    let held = more.held.iter();
    let held: Vec<Value> = held
        .map(|(snapshot, tag)| json!({"snapshot": snapshot, "tag": tag}))
        .collect();
    let kept = more.kept.iter().map(|kept| {
        json!({
            "name": kept.replaced.name,
            "bytes": kept.replaced.bytes,
            "replaced_at": kept.replaced.note.at.map(|at| at.to_string()),
            "expires_in_seconds": match &kept.due {
                Due::Now => Some(0),
                Due::In(left) => Some(left.as_secs()),
                Due::Never(_) => None,
            },
        })
    });
    let kept: Vec<Value> = kept.collect();
    json!({
        "held": held,
        "kept": kept,
        "differs": more.differs,
        "errors": more.errors,
    })
}
