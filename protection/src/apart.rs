//! Backups that are filed apart, under a tag of their own: no restore takes one by itself, and nothing counts or forgets it.

use std::time::Duration;

use restore::source::restic::call::Call;
use restore::source::restic::snapshot_entry::INCOMPLETE;
use storage::Result;

use crate::{record, work};

/// Files a backup of a service apart that lacks files. Should this be interrupted, [`rest`] does it.
///
/// # Errors
/// When it cannot be done yet.
pub(crate) fn incomplete(
    call: &Call<'_>,
    service: &str,
    id: &str,
    stall_timeout: Duration,
) -> Result<()> {
    record::update(service, |record| record.unfiled.insert(id.to_owned()))?;
    file(call, service, id, stall_timeout)
}

/// Files apart what an earlier run should have and could not.
///
/// # Errors
/// When one cannot be; the others are.
pub(crate) fn rest(call: &Call<'_>, service: &str, stall_timeout: Duration) -> Result<()> {
    let mut ended = Ok(());
    for id in record::read(service)?.unfiled {
        ended = ended.and(file(call, service, &id, stall_timeout));
    }
    ended
}

fn file(call: &Call<'_>, service: &str, id: &str, stall_timeout: Duration) -> Result<()> {
    let args = ["tag", "--set", INCOMPLETE, id];
    work::run(call, &args, stall_timeout).map_err(|failure| {
        let subject = format!("the backup {id}, which lacks files");
        let what = failure.error.while_doing(&subject);
        what.with_help("the next backup files it apart; until then, a restore would take it")
    })?;
    record::update(service, |record| record.unfiled.remove(id)).map(drop)
}
