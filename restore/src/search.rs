//! Asking the sources for candidates, and trying these until one has restored the data.

use std::collections::{BTreeMap, BTreeSet};

use declaration::settings::Prefer;
use jiff::Timestamp;
use storage::{Error, ErrorKind, Snapshot};

use crate::answer::{Answer, Conclusion, Inconclusive, Observer, PassedOver};
use crate::context::Context;
use crate::failure::Failure;
use crate::order::{Next, Standing, next};
use crate::source::{Elsewhere, Restored, Snapshots, Source, all_of};
use crate::verdict::{Held, held};

/// What is done with a snapshot that holds the data.
pub type Act<'a> = dyn FnMut(&dyn Source, &Snapshot) -> Result<Restored, Failure> + 'a;

/// Asks the sources, and tries their candidates one after the other until `act` succeeds with one.
/// Which is next, [`next`] decides.
///
/// # Errors
/// When the service's own storage fails, or its declared checks cannot be run: then no source would do better.
pub fn search(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    observer: &mut dyn Observer,
    act: &mut Act<'_>,
) -> Result<Conclusion, Error> {
    context.machine.checks_must_be_possible(context.service)?;
    let mut round = Round {
        context,
        now: Timestamp::now(),
        asked: sources
            .iter()
            .map(|source| Asking::of(source.as_ref()))
            .collect(),
        unsound: BTreeMap::new(),
        inconclusive: Vec::new(),
        not_asked: Vec::new(),
    };
    loop {
        let standings: Vec<Standing> = round.asked.iter().map(|asking| asking.standing).collect();
        match next(&standings, context.service.prefer) {
            Next::Ask(number) => round.ask(number, observer)?,
            Next::Try(number) => {
                if round.try_candidate(number, observer, act)? {
                    let not_asked = match context.service.prefer {
                        Prefer::Order => Vec::new(),
                        Prefer::Newest => std::mem::take(&mut round.not_asked),
                    };
                    if observer.wants_all() {
                        round.tell_the_rest(Some(number), observer);
                    }
                    return Ok(Conclusion::Restored(not_asked));
                }
            }
            Next::Nothing => break,
        }
    }
    if observer.wants_all() {
        round.tell_the_rest(None, observer);
    }
    Ok(if round.inconclusive.is_empty() {
        Conclusion::NothingAnywhere
    } else {
        Conclusion::Inconclusive(round.inconclusive)
    })
}

/// One source while it is asked.
struct Asking<'s> {
    source: &'s dyn Source,
    standing: Standing,
    candidate: Option<Snapshot>,
    /// Those older than the candidate, newest first.
    older: Snapshots<'s>,
    /// The first of each is that of the newest snapshot: the one to mend.
    failed: Vec<Error>,
    doubtful: Option<Error>,
    /// The names of those that were looked at, should they be listed again.
    looked_at: BTreeSet<String>,
    /// That one was destroyed before it was looked into: it may have held the data.
    gone: Option<Error>,
    /// Whether one of its snapshots holds the data, or what may be the data.
    has_something: bool,
}

impl<'s> Asking<'s> {
    fn of(source: &'s dyn Source) -> Self {
        Self {
            source,
            standing: Standing::NotAsked,
            candidate: None,
            older: all_of(Vec::new()),
            failed: Vec::new(),
            doubtful: None,
            looked_at: BTreeSet::new(),
            gone: None,
            has_something: false,
        }
    }
}

/// One round of asking.
struct Round<'s> {
    context: &'s Context<'s>,
    now: Timestamp,
    asked: Vec<Asking<'s>>,
    /// Snapshots that failed, by name: two tiers may use the same ones.
    unsound: BTreeMap<String, Error>,
    inconclusive: Vec<Inconclusive>,
    /// The sources that could not be asked.
    not_asked: Vec<String>,
}

impl Round<'_> {
    fn ask(&mut self, number: usize, observer: &mut dyn Observer) -> Result<(), Error> {
        let asking = &mut self.asked[number];
        observer.asking(asking.source);
        match asking.source.snapshots() {
            Ok(snapshots) => {
                asking.older = snapshots;
                self.advance(number, observer)
            }
            Err(error) => {
                self.not_asked.push(asking.source.name());
                self.out(number, Answer::Unavailable(error), observer);
                Ok(())
            }
        }
    }

    /// The source gave its answer, and is not asked again.
    fn out(&mut self, number: usize, answer: Answer, observer: &mut dyn Observer) {
        let asking = &mut self.asked[number];
        asking.standing = Standing::Out;
        asking.candidate = None;
        observer.answered(asking.source, &answer);
        // Nobody starts empty because the data that was seen cannot be had for the moment.
        let unavailable = matches!(answer, Answer::Unavailable(_)) && !asking.has_something;
        let not_used = matches!(answer, Answer::NotUsed(_));
        if let Answer::InDoubt(error)
        | Answer::NotUsed(error)
        | Answer::Unavailable(error)
        | Answer::Failed(error) = answer
        {
            self.inconclusive.push(Inconclusive {
                source: asking.source.name(),
                error,
                unavailable,
                not_used,
            });
        }
    }

    /// A snapshot of a source failed. Gives whether that was the last one to try.
    fn failed(
        &mut self,
        number: usize,
        snapshot: &Snapshot,
        error: Error,
        observer: &mut dyn Observer,
    ) -> bool {
        let asking = &mut self.asked[number];
        observer.passed_over(asking.source, snapshot, &PassedOver::Failed(&error));
        self.unsound
            .entry(snapshot.name.clone())
            .or_insert_with(|| error.clone());
        asking.failed.push(error);
        asking.has_something = true;
        asking.failed.len() >= self.context.service.max_candidates
    }

    /// Looks for the source's next candidate.
    fn advance(&mut self, number: usize, observer: &mut dyn Observer) -> Result<(), Error> {
        let source = self.asked[number].source;
        while let Some(snapshot) = self.asked[number].older.next() {
            let snapshot = match snapshot {
                Ok(snapshot) => snapshot,
                Err(error) => {
                    self.not_asked.push(source.name());
                    self.out(number, Answer::Unavailable(error), observer);
                    return Ok(());
                }
            };
            self.asked[number].looked_at.insert(snapshot.name.clone());
            let known = self
                .unsound
                .get(&snapshot.name)
                .cloned()
                .map(Failure::Snapshot);
            let looked = known.map_or_else(|| source.contents(&snapshot), Err);
            let held = match looked {
                Ok(contents) => held(&contents, &self.context.observation.contents),
                Err(Failure::Storage(error)) => return Err(error),
                Err(failure) if self.is_gone(number, &snapshot, &failure, observer) => continue,
                Err(Failure::Source(error) | Failure::Unavailable(error)) => {
                    self.not_asked.push(source.name());
                    self.out(number, Answer::Unavailable(error), observer);
                    return Ok(());
                }
                Err(Failure::Snapshot(error)) => {
                    if self.failed(number, &snapshot, error, observer) {
                        break;
                    }
                    continue;
                }
            };
            match held {
                Held::Data => {
                    self.holds_the_data(number, snapshot, observer);
                    return Ok(());
                }
                Held::Nothing(why) => {
                    observer.passed_over(source, &snapshot, &PassedOver::Unfit(&why));
                }
                Held::Doubtful(why) => {
                    observer.passed_over(source, &snapshot, &PassedOver::Unfit(&why));
                    let (context, asking) = (self.context, &mut self.asked[number]);
                    asking.has_something = true;
                    let doubtful = &mut asking.doubtful;
                    doubtful.get_or_insert_with(|| in_doubt(context, source, &snapshot, &why));
                }
            }
        }
        let answer = self.without_candidate(number);
        self.out(number, answer, observer);
        Ok(())
    }

    /// What the source answers once it has no further snapshot to look at.
    fn without_candidate(&mut self, number: usize) -> Answer {
        let asking = &mut self.asked[number];
        let tried = asking.failed.len();
        let (doubtful, gone) = (asking.doubtful.take(), asking.gone.take());
        match (asking.failed.drain(..).next(), doubtful) {
            (Some(error), _) if tried >= self.context.service.max_candidates => {
                let help = format!(
                    "{}; `max-candidates` ended the search after {tried}",
                    error.help()
                );
                Answer::Failed(error.with_help(help))
            }
            (Some(error), _) => Answer::Failed(error),
            (None, Some(error)) => Answer::InDoubt(error),
            (None, None) => gone.map_or_else(|| elsewhere(asking.source), Answer::Unavailable),
        }
    }

    /// Whether a snapshot that could not be used is one that somebody has destroyed since it was listed. The source's
    /// snapshots are then those that it has now.
    fn is_gone(
        &mut self,
        number: usize,
        snapshot: &Snapshot,
        failure: &Failure,
        observer: &mut dyn Observer,
    ) -> bool {
        let asking = &mut self.asked[number];
        let Some(Ok(mut now)) = asking.source.list_again(failure) else {
            return false;
        };
        if now.iter().any(|other| other.name == snapshot.name) {
            return false;
        }
        let why = "it was destroyed after it was listed";
        observer.passed_over(asking.source, snapshot, &PassedOver::Unfit(why));
        asking.gone = Some(
            Error::new(
                asking.source.label(snapshot),
                why,
                "see who destroys snapshots, then start the service again: it is decided anew",
            )
            .of_kind(ErrorKind::Gone),
        );
        now.retain(|other| !asking.looked_at.contains(&other.name));
        asking.older = all_of(now);
        true
    }

    /// This snapshot of a source holds the data.
    fn holds_the_data(&mut self, number: usize, snapshot: Snapshot, observer: &mut dyn Observer) {
        let source = self.asked[number].source;
        self.asked[number].has_something = true;
        if let Some(obstacle) = source.obstacle(&snapshot) {
            if observer.wants_all() {
                let why = format!("holds the data, but: {}", obstacle.what());
                observer.not_needed(source, &snapshot, &why);
            }
            return self.out(number, Answer::NotUsed(obstacle), observer);
        }
        let max_age = self.context.service.max_age.get(&source.tier());
        let age = self.now.duration_since(snapshot.taken);
        let late = max_age.is_some_and(|max_age| {
            std::time::Duration::try_from(age).is_ok_and(|age| age > *max_age)
        });
        if late {
            let why = "it holds the data, but is older than max-age: its tier comes last";
            observer.put_off(source, &snapshot, why);
        }
        let asking = &mut self.asked[number];
        asking.standing = Standing::Candidate {
            taken: snapshot.taken,
            late,
        };
        asking.candidate = Some(snapshot);
    }

    /// Tries the source's candidate. Gives whether it has restored.
    fn try_candidate(
        &mut self,
        number: usize,
        observer: &mut dyn Observer,
        act: &mut Act<'_>,
    ) -> Result<bool, Error> {
        let source = self.asked[number].source;
        let Some(snapshot) = self.asked[number].candidate.take() else {
            self.advance(number, observer)?;
            return Ok(false);
        };
        if let Some(error) = self.unsound.get(&snapshot.name).cloned() {
            // It failed for another tier since it was found.
            return self.next_after(number, &snapshot, error, observer);
        }
        observer.taken(source, &snapshot);
        match act(source, &snapshot) {
            Ok(restored) => {
                observer.answered(source, &Answer::Restored(snapshot, restored));
                Ok(true)
            }
            Err(Failure::Storage(error)) => Err(error),
            Err(failure) if self.is_gone(number, &snapshot, &failure, observer) => {
                self.advance(number, observer)?;
                Ok(false)
            }
            Err(Failure::Source(error)) => {
                self.not_asked.push(source.name());
                self.out(number, Answer::Failed(error), observer);
                Ok(false)
            }
            Err(Failure::Unavailable(error)) => {
                self.not_asked.push(source.name());
                self.out(number, Answer::Unavailable(error), observer);
                Ok(false)
            }
            Err(Failure::Snapshot(error)) => self.next_after(number, &snapshot, error, observer),
        }
    }

    fn next_after(
        &mut self,
        number: usize,
        snapshot: &Snapshot,
        error: Error,
        observer: &mut dyn Observer,
    ) -> Result<bool, Error> {
        if self.failed(number, snapshot, error, observer) {
            self.asked[number].older = all_of(Vec::new());
        }
        self.advance(number, observer)?;
        Ok(false)
    }

    /// Tells of all snapshots that were not looked at: since the source of this number has restored, or since their
    /// own source is out.
    fn tell_the_rest(&mut self, winner: Option<usize>, observer: &mut dyn Observer) {
        let preferred = winner.map_or_else(String::new, |winner| self.asked[winner].source.name());
        for (number, asking) in self.asked.iter_mut().enumerate() {
            let source = asking.source;
            let mut why = "not looked into".to_owned();
            if asking.standing == Standing::NotAsked {
                why = format!("not looked into: {preferred} is preferred");
                match source.snapshots() {
                    Ok(snapshots) => asking.older = snapshots,
                    Err(error) => observer.answered(source, &Answer::Unavailable(error)),
                }
            } else if let Some(candidate) = &asking.candidate {
                let why = format!("holds the data; {preferred} is preferred");
                observer.not_needed(source, candidate, &why);
            }
            if winner == Some(number) {
                "older than the one taken".clone_into(&mut why);
            }
            for snapshot in asking.older.by_ref() {
                match snapshot {
                    Ok(snapshot) => observer.not_needed(source, &snapshot, &why),
                    Err(error) => observer.answered(source, &Answer::Unavailable(error)),
                }
            }
        }
    }
}

/// What a source answers that has no snapshot of the service's that holds the data.
fn elsewhere(source: &dyn Source) -> Answer {
    match source.elsewhere() {
        Err(error) => Answer::Unavailable(error),
        Ok(Elsewhere {
            doubt: Some(error), ..
        }) => Answer::InDoubt(error),
        Ok(Elsewhere {
            doubt: None,
            remark,
        }) => Answer::NothingThere(remark),
    }
}

/// No snapshot holds what is expected, and this one holds something else.
pub(crate) fn in_doubt(
    context: &Context<'_>,
    source: &dyn Source,
    snapshot: &Snapshot,
    why: &str,
) -> Error {
    Error::new(
        source.label(snapshot),
        format!("{why}: it may hold the data all the same"),
        format!(
            "correct `expect` in {} if it is wrong; or, if the snapshot is worth nothing, leave its tier out of `tiers`",
            context.service.source.display()
        ),
    ).of_kind(ErrorKind::InDoubt)
}
