//! Whether a snapshot is to blame: what restic could not read is looked for again, with nothing of what was kept of
//! earlier looks.
//!
//! A disk that is away for a moment, or a cache that a power cut damaged, look like a damaged snapshot to restic. An older
//! one is taken only if what restic named is missing or unreadable now, while the rest of the repository is there.

use std::collections::BTreeSet;

use serde::Deserialize;
use storage::{Error, ErrorKind, Snapshot};

use super::call::Call;
use super::failure_kind::{Kind, RepositoryFailure};
use super::named::Named;
use crate::failure::Failure;

/// How many parts are looked at.
const FEW: usize = 4;

/// How many indexes are read at most: each takes a restic. Of a repository that has more, only what restic named is
/// looked for.
const FEW_INDEXES: usize = 16;

/// What a second look showed.
#[derive(Debug)]
pub(super) enum Look {
    /// What restic named is missing or damaged, and the rest is there.
    Proven,
    /// Nothing is missing now of what restic named.
    Sound,
    /// More is missing than one snapshot's parts, or it cannot be told.
    Away(Error),
}

/// The failure that `failure` with a snapshot is: with a restore of it, or with its listing, which was then asked for
/// without the cache already.
pub(super) fn blame(
    call: &Call<'_>,
    restored: Option<&Snapshot>,
    failure: RepositoryFailure,
) -> Failure {
    if failure.kind != Kind::Damaged || failure.error.kind().is_lack_of_space() {
        return failure.of_the_source();
    }
    match look(call, restored, &failure.named) {
        Look::Proven => Failure::Snapshot(failure.error),
        Look::Sound => Failure::Unavailable(
            failure
                .error
                .while_doing("it could not be read, but nothing is missing on a second look")
                .with_help("see that it stays where it is, then start the service again"),
        ),
        Look::Away(error) => Failure::Unavailable(error),
    }
}

/// Looks again for what restic named.
pub(super) fn look(call: &Call<'_>, restored: Option<&Snapshot>, named: &Named) -> Look {
    let used_cache = call.uses_cache();
    call.use_cache(false);
    let looked = look_without_cache(call, restored, named);
    call.use_cache(used_cache);
    looked.unwrap_or_else(|failure| Look::Away(failure.error))
}

fn look_without_cache(
    call: &Call<'_>,
    restored: Option<&Snapshot>,
    named: &Named,
) -> Result<Look, RepositoryFailure> {
    let packs = listed(call, "packs")?;
    let indexes = listed(call, "index")?;
    for (what, listed) in [("packs", &packs), ("indexes", &indexes)] {
        if listed.is_empty() {
            return Ok(away(call, &format!("all of its {what} are missing")));
        }
    }
    let mut known = BTreeSet::new();
    if indexes.len() <= FEW_INDEXES {
        for index in &indexes {
            known.extend(packs_of(call, index)?);
        }
    }
    let missing = known.difference(&packs).count();
    if is_many(missing, known.len()) {
        let what = format!("{missing} of its {} packs are missing", known.len());
        return Ok(away(call, &what));
    }
    let Some(snapshot) = restored else {
        return Ok(Look::Proven);
    };
    for name in named.packs.iter().take(FEW) {
        let is_it = |pack: &&String| pack.starts_with(name.as_str());
        let is_lost = match packs.iter().find(is_it) {
            Some(pack) => !is_sound(call.read(&["cat", "pack", pack]))?,
            // One that no index knows may be the name of a file in the data.
            None => known.is_empty() || known.iter().any(|pack| is_it(&pack)),
        };
        if is_lost {
            return Ok(Look::Proven);
        }
    }
    for file in named.files.iter().take(FEW) {
        if !is_sound(call.read(&["dump", &snapshot.name, file]))? {
            return Ok(Look::Proven);
        }
    }
    Ok(Look::Sound)
}

/// Whether so many parts are missing that it is no damage of one snapshot.
fn is_many(missing: usize, known: usize) -> bool {
    missing * 2 > known || (missing > FEW && missing * 10 > known)
}

fn away(call: &Call<'_>, what: &str) -> Look {
    Look::Away(Error::new(
        call.subject(),
        format!("{what}: that is no damage of one snapshot"),
        "see that all of it is mounted and reachable, then start the service again; `restic check` tells what is missing",
    ).of_kind(ErrorKind::Unreachable)
    .that_heals())
}

/// The names that `restic list` tells.
fn listed(call: &Call<'_>, what: &str) -> Result<BTreeSet<String>, RepositoryFailure> {
    let ended = call.ask(&["list", what])?;
    let lines = ended.stdout.lines().map(str::trim);
    let names = lines.filter(|line| is_id(line));
    Ok(names.map(ToOwned::to_owned).collect())
}

/// The packs that an index knows.
fn packs_of(call: &Call<'_>, index: &str) -> Result<Vec<String>, RepositoryFailure> {
    #[derive(Deserialize)]
    struct Index {
        #[serde(default)]
        packs: Vec<Pack>,
    }
    #[derive(Deserialize)]
    struct Pack {
        id: String,
    }
    let ended = call.ask(&["cat", "index", index])?;
    let read: Index = serde_json::from_str(&ended.stdout)
        .map_err(|error| call.unreadable("cat index", &error))?;
    Ok(read.packs.into_iter().map(|pack| pack.id).collect())
}

/// Whether a part could be read and is what was stored.
fn is_sound(read: Result<String, RepositoryFailure>) -> Result<bool, RepositoryFailure> {
    match read {
        Ok(said) => Ok(!said.contains("hash of data does not match")),
        Err(failure) if failure.kind == Kind::Damaged => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn is_id(word: &str) -> bool {
    word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_repository_is_no_damage_of_a_snapshot() {
        for (missing, known, expected) in [
            (0, 0, false),
            (1, 2, false),
            (2, 3, true),
            (4, 8, false),
            (5, 100, false),
            (20, 100, true),
        ] {
            assert_eq!(is_many(missing, known), expected, "{missing} of {known}");
        }
    }
}
