//! How a snapshot proves itself.

use declaration::settings::Service;
use restore::failure::Failure;
use storage::{Error, ErrorKind, Result, Snapshot, local, policy_snapshots};

use crate::checks::Checks;
use crate::record::{Good, Record};
use crate::{checks, shrink};

/// What a look at a snapshot has shown.
pub(super) enum Proof {
    Good(Good),
    /// Why it is not good.
    Bad(Error),
    /// It could not be looked at for the moment: the next round does.
    NotNow,
}

/// Whether a snapshot is good: it holds the data, passes its checks, and has not mostly vanished.
///
/// # Errors
/// When it cannot be told.
pub(super) fn prove(
    service: &Service,
    snapshot: &Snapshot,
    record: &Record,
    checks: Checks,
) -> Result<Proof> {
    let seen = policy_snapshots::look_into(service, &snapshot.name)?;
    let bad = |what: String, help: &str| Ok(Proof::Bad(Error::new(&snapshot.name, what, help)));
    if !seen.contents.holds_the_data() {
        let lacks = seen
            .contents
            .lacks()
            .unwrap_or_else(|| "it is empty".to_owned());
        return bad(
            format!("it does not hold the data: {lacks}"),
            "look into it; a restore brings the data back",
        );
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
        let why = Error::new(&snapshot.name, what, help);
        // That its owner may accept.
        return Ok(Proof::Bad(why.of_kind(ErrorKind::InDoubt)));
    }
    Ok(match checks::of_snapshot(service, snapshot, checks)? {
        Some(Ok(())) => Proof::Good(Good::new(None, snapshot, seen.extent)),
        Some(Err(failure)) => bad_or_untold(failure)?,
        None => Proof::NotNow,
    })
}

/// A check that was not finished says nothing of the data.
fn bad_or_untold(failure: Failure) -> Result<Proof> {
    match failure {
        Failure::Snapshot(why) => Ok(Proof::Bad(why)),
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
        let is_bad = |failure| matches!(bad_or_untold(failure), Ok(Proof::Bad(_)));
        assert!(is_bad(Failure::Snapshot(error())));
        for failure in [Failure::Source, Failure::Unavailable, Failure::Storage] {
            assert!(bad_or_untold(failure(error())).is_err());
        }
    }
}
