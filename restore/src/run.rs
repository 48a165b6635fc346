//! One run for one service: what is decided is done, and told to the journal.

use declaration::settings::Service;

use crate::acting::{Acting, remember_data};
use crate::context::Context;
use crate::decide::{Outcome, Refusal, decide, look};
use crate::machine::ThisMachine;
use crate::set;
use crate::source::Source;
use crate::source::list::sources;
use crate::verdict::Verdict;

/// Restores the service's data if, and only if, it is missing. The storage must have been applied.
/// Everything that happens is told to the journal.
///
/// # Errors
/// When the service must not start, with the reason.
pub fn run(declared: &Service) -> Result<Outcome, Refusal> {
    if !declared.places.is_empty() {
        return set::run(declared);
    }
    let _lock = storage::lock::lock(declared, report::status::wait_for_another)?;
    look(declared, &ThisMachine, |context, verdict| {
        act(context, &sources(context), verdict)
    })
}

/// Does what is decided, and remembers that the service has its data.
///
/// # Errors
/// As [`run`].
pub(crate) fn act(
    context: &Context<'_>,
    sources: &[Box<dyn Source + '_>],
    verdict: Verdict,
) -> Result<Outcome, Refusal> {
    let outcome = decide(context, sources, verdict, &mut Acting::on(context))?;
    remember_data(context, outcome);
    Ok(outcome)
}
