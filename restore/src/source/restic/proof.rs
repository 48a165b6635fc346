//! Whether a snapshot is to blame: what restic could not read is looked for again, with nothing of what was kept of
//! earlier looks.
//!
//! A disk that is away for a moment, or a cache that a power cut damaged, look like a damaged snapshot to restic. An older
//! one is taken only if what restic named is missing or unreadable now, while the rest of the repository is there.

use std::collections::BTreeSet;

use serde::Deserialize;
use storage::{Error, Snapshot};

use super::call::Call;
use super::failure_kind::{Kind, RepositoryFailure};
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

/// The parts of a repository that restic names in its words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The beginnings of names of packs, in hexadecimal.
    packs: BTreeSet<String>,
    /// Paths in the snapshot. Where they are not what restic meant, none of them is found, and nothing is proven.
    files: BTreeSet<String>,
}

/// The failure that `failure` with a snapshot is: with a restore of it, or with its listing, which was then asked for
/// without the cache already.
pub(super) fn blame(
    call: &Call<'_>,
    restored: Option<&Snapshot>,
    failure: RepositoryFailure,
) -> Failure {
    if failure.kind != Kind::Damaged || failure.error.is_lack_of_space() {
        return failure.of_the_source();
    }
    match look(call, restored, &failure.error) {
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

/// Looks again for what an error of restic's names.
pub(super) fn look(call: &Call<'_>, restored: Option<&Snapshot>, error: &Error) -> Look {
    let used_cache = call.uses_cache();
    call.use_cache(false);
    let looked = look_without_cache(call, restored, &Named::of(error.what()));
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
    )
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

impl Named {
    /// What restic names in what it said: `<data/1c04d9e400>` and `…/data/1c/1c04…` are packs, as is the one that a blob
    /// is decrypted `from`. A line that tells of a file begins with its path.
    pub(super) fn of(said: &str) -> Self {
        let mut named = Self::default();
        for line in said.split(['\n', ';']) {
            let told = line.trim().trim_start_matches("ignoring error for ");
            if let Some((path, _)) = told.split_once(": ")
                && path.starts_with('/')
            {
                named.files.insert(path.to_owned());
            }
            let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '/'));
            let mut before = "";
            for word in words.filter(|word| !word.is_empty()) {
                let (path, name) = word.rsplit_once('/').unwrap_or(("", word));
                let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
                // A blob is named by 8 digits, a pack by 10 (`Handle.String()` in restic's internal/backend).
                let is_pack = path.split('/').any(|part| part == "data") && name.len() >= 10
                    || before == "from" && name.len() >= 8
                    || before == "pack" && name.len() >= 8;
                if is_hex && is_pack {
                    named.packs.insert(name.to_owned());
                }
                before = word;
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "1c04d9e400c160fc0fecb33d1cdc117d91b2c66fb4341c6856dbf7d3ba72e102";

    #[test]
    fn what_restic_names_is_found_in_its_words() {
        let open = format!("open r/data/1c/{ID}: no such file or directory");
        let index = format!("Load(<index/1c04d9e400>, 0, 0): open r/index/{ID}: no such file");
        let http = format!("Get \"http://nas/data/{ID}\": unexpected HTTP response (404)");
        let decrypting = "/srv/a: decrypting blob <data/b1b226d4> from 388765bd failed: ciphertext";
        for (said, packs, files) in [
            (
                format!("Load(<data/1c04d9e400>, 5, 0) returned error, retrying after 5ms: {open}"),
                vec!["1c04d9e400", ID],
                vec![],
            ),
            (
                format!("ignoring error for /: id {ID} not found in repository"),
                vec![],
                vec!["/"],
            ),
            (
                format!("x; {decrypting} verification failed"),
                vec!["388765bd"],
                vec!["/srv/a"],
            ),
            (
                "ignoring error for /srv/a b: ciphertext verification failed".to_owned(),
                vec![],
                vec!["/srv/a b"],
            ),
            (
                "/srv/a: ReadFull(<data/388765bd93>): file is too short".to_owned(),
                vec!["388765bd93"],
                vec!["/srv/a"],
            ),
            (http, vec![ID], vec![]),
            (index, vec![], vec![]),
            (
                "Fatal: There were 4 errors from data".to_owned(),
                vec![],
                vec![],
            ),
        ] {
            let set = |names: Vec<&str>| names.into_iter().map(ToOwned::to_owned).collect();
            let expected = Named {
                packs: set(packs),
                files: set(files),
            };
            assert_eq!(Named::of(&said), expected, "{said}");
        }
    }

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

    proptest! {
        #[test]
        fn any_words_are_read(said in any::<String>()) {
            let named = Named::of(&said);
            prop_assert!(named.packs.iter().chain(&named.files).all(|name| said.contains(name.as_str())));
        }
    }
}
