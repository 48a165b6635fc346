//! How a snapshot proves itself.

use declaration::settings::Service;
use restore::failure::Failure;
use storage::{Error, ErrorKind, Result, Snapshot, local, policy_snapshots};

use crate::checks::Checks;
use crate::record::{Good, Record};
use crate::{checks, shrink};

/// Whether a snapshot holds the data, and most of it has not vanished; else why not.
///
/// # Errors
/// When it cannot be told.
pub(super) fn look(
    service: &Service,
    snapshot: &Snapshot,
    record: &Record,
) -> Result<std::result::Result<Good, Error>> {
    let seen = policy_snapshots::look_into(service, &snapshot.name)?;
    let bad = |what: String, help: &str| Error::new(&snapshot.name, what, help);
    if !seen.contents.holds_the_data() {
        let lacks = seen
            .contents
            .lacks()
            .unwrap_or_else(|| "it is empty".to_owned());
        return Ok(Err(bad(
            format!("it does not hold the data: {lacks}"),
            "look into it; a restore brings the data back",
        )));
    }
    if let Some(good) = record.held.as_ref().filter(|_| !service.allow_shrink)
        && let Some(what) = shrink::vanished(&good.extent(), &seen.extent)
    {
        let help = format!(
            "look into it; if that is right, `preseedctl accept {}`, or for good `allow-shrink = true` in [preseed]",
            service.of()
        );
        let what = format!(
            "most of the data has vanished since {}: {what}",
            local(good.taken)
        );
        // That its owner may accept.
        return Ok(Err(bad(what, &help).of_kind(ErrorKind::InDoubt)));
    }
    Ok(Ok(Good::new(None, snapshot, seen.extent)))
}

/// What the checks of a snapshot have shown.
pub(super) enum Passed {
    Yes,
    /// Why it does not pass.
    No(Error),
    /// They could not be run for the moment: the next round does.
    NotNow,
}

/// Runs the declared checks of a service on a snapshot, but for those that are left out.
///
/// # Errors
/// When they could not be finished: that says nothing of the data.
pub(super) fn passed(service: &Service, snapshot: &Snapshot, checks: Checks) -> Result<Passed> {
    match checks::of_snapshot(service, snapshot, checks)? {
        Some(Ok(())) => Ok(Passed::Yes),
        Some(Err(failure)) => no_or_untold(failure),
        None => Ok(Passed::NotNow),
    }
}

fn no_or_untold(failure: Failure) -> Result<Passed> {
    match failure {
        Failure::Snapshot(why) => Ok(Passed::No(why)),
        Failure::Source(error) | Failure::Unavailable(error) | Failure::Storage(error) => {
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_could_not_be_told_is_no_fault_of_the_snapshot() {
        let error = || Error::new("tank/a@x", "it cannot be told", "look");
        let is_bad = |failure| matches!(no_or_untold(failure), Ok(Passed::No(_)));
        assert!(is_bad(Failure::Snapshot(error())));
        for failure in [Failure::Source, Failure::Unavailable, Failure::Storage] {
            assert!(no_or_untold(failure(error())).is_err());
        }
    }
}
