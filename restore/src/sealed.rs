//! A complete copy that an earlier run has not put in place: whether it is still what is to be there.
//!
//! The decision of that run is not replayed: it is asked anew.

use storage::{Error, Mark, Since, Snapshot};

use crate::answer::{Answer, Conclusion, Observer, PassedOver};
use crate::context::Context;
use crate::ending::inconclusive;
use crate::search::search;
use crate::source::{Restored, Source};
use crate::verdict::Why;

/// What is to become of the copy.
#[derive(Debug)]
pub enum Decision {
    /// It is put in place; with what could not be asked whether it holds newer data.
    PutInPlace(Option<Error>),
    /// It is not used, and why.
    PutAside(String),
}

/// Decides what is to become of the complete copy with this mark, where the verdict, asked anew, is to restore since
/// `why`. It is put in place if the storage it was sealed over is the same, or is still missing, and no candidate
/// is newer than what it holds. `observer` is told which sources are asked.
///
/// # Errors
/// When it cannot be decided: a source cannot be asked, and the storage was used since.
pub fn decide(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    mark: &Mark,
    why: Why,
    observer: &mut dyn Observer,
) -> Result<Decision, Error> {
    let (seal, since) = context.storage.seal()?;
    let Some(seal) = seal else {
        let why = "what it was to replace is not known";
        return Ok(Decision::PutAside(why.to_owned()));
    };
    if since == Since::Other {
        let why = "what it was to replace is not there any more";
        return Ok(Decision::PutAside(why.to_owned()));
    }
    let mut newest = None;
    let asked = search(
        context,
        sources,
        &mut OnlyAsking(observer),
        &mut |source, snapshot| {
            newest = Some((source.label(snapshot), snapshot.clone()));
            Ok(Restored::default())
        },
    )?;
    match (newest, asked) {
        (Some((label, snapshot)), _) => {
            let is_newer = snapshot.name != mark.from && snapshot.taken >= seal.taken;
            Ok(if is_newer {
                Decision::PutAside(format!(
                    "{label} ({}) is newer",
                    storage::local(snapshot.taken)
                ))
            } else {
                Decision::PutInPlace(None)
            })
        }
        (None, Conclusion::Inconclusive(errors)) => {
            let error = inconclusive(context.service, why, &errors);
            if since == Since::Untouched {
                return Ok(Decision::PutInPlace(Some(error)));
            }
            let attempt = format!(
                "a complete restore by {} from {} is at hand, but newer data cannot be ruled out",
                mark.by, mark.from
            );
            Err(error.while_doing(&attempt))
        }
        (None, _) => Ok(Decision::PutInPlace(None)),
    }
}

/// Tells only which sources are asked: nothing is restored, and what is passed over is told again if it is.
struct OnlyAsking<'a>(&'a mut dyn Observer);

impl Observer for OnlyAsking<'_> {
    fn asking(&mut self, source: &dyn Source) {
        self.0.asking(source);
    }
    fn passed_over(&mut self, _: &dyn Source, _: &Snapshot, _: &PassedOver<'_>) {}
    fn put_off(&mut self, _source: &dyn Source, _snapshot: &Snapshot, _why: &str) {}
    fn taken(&mut self, _source: &dyn Source, _snapshot: &Snapshot) {}
    fn answered(&mut self, _source: &dyn Source, _answer: &Answer) {}
}
