//! Asking the sources, one after the other, until one has the data.

use storage::{Error, Snapshot};

use crate::tier::{Context, Failure, Restored, Source, sources};
use crate::verdict::{Held, held};

/// How many snapshots of one source are tried at most, if they cannot be read or restored.
const ATTEMPTS: usize = 3;

/// What a source answered.
#[derive(Debug)]
pub enum Answer {
    /// It restored the data, from this snapshot.
    Restored(Snapshot, Restored),
    /// It was reached, and provably has no snapshot that holds the data; with what a reader should know.
    NothingThere(Option<String>),
    /// It could not be asked.
    Unavailable(Error),
    /// It had the data, and restoring them failed.
    Failed(Error),
}

impl Answer {
    /// The answer as the journal's `PRESEED_OUTCOME` names it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Restored(..) => "restored",
            Self::NothingThere(_) => "nothing-there",
            Self::Unavailable(_) => "unavailable",
            Self::Failed(_) => "failed",
        }
    }

    /// What the source of this name answered, in words.
    pub fn in_words(&self, source: &str) -> String {
        match self {
            Self::Restored(snapshot, _) => format!("{source}: {} holds the data", snapshot.label()),
            Self::NothingThere(None) => format!("{source}: nothing there"),
            Self::NothingThere(Some(remark)) => format!("{source}: nothing there ({remark})"),
            Self::Unavailable(error) => {
                format!("unavailable: {}", of_source(source, &error.to_string()))
            }
            Self::Failed(error) => format!("failed: {}", of_source(source, &error.to_string())),
        }
    }
}

/// What is said of a source, with its name once.
pub(crate) fn of_source(source: &str, said: &str) -> String {
    if said.starts_with(source) {
        said.to_owned()
    } else {
        format!("{source}: {said}")
    }
}

/// Who is told what happens while the sources are asked.
pub trait Witness {
    /// A source is about to be asked.
    fn asking(&mut self, _source: &dyn Source) {}
    /// A snapshot was not taken, and why.
    fn passed_over(&mut self, source: &dyn Source, snapshot: &Snapshot, why: &str);
    /// A snapshot holds the data and is taken.
    fn taken(&mut self, source: &dyn Source, snapshot: &Snapshot);
    /// A source gave its answer.
    fn answered(&mut self, source: &dyn Source, answer: &Answer);
}

/// What came of asking all sources.
#[derive(Debug)]
pub enum Asked {
    /// One has restored the data.
    Restored,
    /// All answered that they hold none.
    NothingAnywhere,
    /// None restored, and these could not rule out that they hold the data: each with its error.
    Unsettled(Vec<(String, Error)>),
}

/// What is done with a snapshot that holds the data.
pub type Act<'a> = dyn FnMut(&dyn Source, &Snapshot) -> Result<Restored, Failure> + 'a;

/// Asks the sources in their order until `act` succeeds with a snapshot of one.
///
/// # Errors
/// When the service's own storage fails: then no other source would do better.
pub fn ask(
    context: &Context<'_>,
    witness: &mut dyn Witness,
    act: &mut Act<'_>,
) -> Result<Asked, Error> {
    let mut unsettled = Vec::new();
    for source in sources(context) {
        witness.asking(source.as_ref());
        let answer = ask_one(context, source.as_ref(), witness, act)?;
        witness.answered(source.as_ref(), &answer);
        match answer {
            Answer::Restored(..) => return Ok(Asked::Restored),
            Answer::NothingThere(_) => {}
            Answer::Unavailable(error) | Answer::Failed(error) => {
                unsettled.push((source.name(), error));
            }
        }
    }
    Ok(if unsettled.is_empty() {
        Asked::NothingAnywhere
    } else {
        Asked::Unsettled(unsettled)
    })
}

fn ask_one(
    context: &Context<'_>,
    source: &dyn Source,
    witness: &mut dyn Witness,
    act: &mut Act<'_>,
) -> Result<Answer, Error> {
    let snapshots = match source.snapshots() {
        Ok(snapshots) => snapshots,
        Err(error) => return Ok(Answer::Unavailable(error)),
    };
    // The first of each is that of the newest snapshot: the one to mend.
    let mut failed = Vec::new();
    let mut doubtful = None;
    for snapshot in snapshots {
        let held = match source.contents(&snapshot) {
            Ok(contents) => held(&contents, &context.observation.contents),
            Err(Failure::Storage(error)) => return Err(error),
            Err(Failure::Source(error)) => return Ok(Answer::Unavailable(error)),
            Err(Failure::Snapshot(error)) => {
                witness.passed_over(source, &snapshot, &error.to_string());
                failed.push(error);
                if failed.len() == ATTEMPTS {
                    break;
                }
                continue;
            }
        };
        match held {
            Held::Data => {}
            Held::Nothing(why) => {
                witness.passed_over(source, &snapshot, &why);
                continue;
            }
            Held::Doubtful(why) => {
                witness.passed_over(source, &snapshot, &why);
                doubtful.get_or_insert_with(|| in_doubt(context, source, &snapshot, &why));
                continue;
            }
        }
        if let Some(obstacle) = source.obstacle(&snapshot) {
            return Ok(Answer::Unavailable(obstacle));
        }
        witness.taken(source, &snapshot);
        match act(source, &snapshot) {
            Ok(restored) => return Ok(Answer::Restored(snapshot, restored)),
            Err(Failure::Storage(error)) => return Err(error),
            Err(Failure::Source(error)) => return Ok(Answer::Failed(error)),
            Err(Failure::Snapshot(error)) => {
                witness.passed_over(source, &snapshot, &error.to_string());
                failed.push(error);
                if failed.len() == ATTEMPTS {
                    break;
                }
            }
        }
    }
    Ok(match (failed.into_iter().next(), doubtful) {
        (Some(error), _) => Answer::Failed(error),
        (None, Some(error)) => Answer::Unavailable(error),
        (None, None) => Answer::NothingThere(source.remark()),
    })
}

/// No snapshot holds what is expected, and this one holds something else.
fn in_doubt(context: &Context<'_>, source: &dyn Source, snapshot: &Snapshot, why: &str) -> Error {
    Error::new(
        source.label(snapshot),
        format!("{why}: it may hold the data all the same"),
        format!(
            "correct `expect` in {} if it is wrong; or, if the snapshot is worth nothing, leave its tier out of `tiers`",
            context.service.source.display()
        ),
    )
}
