//! Whether a snapshot is to blame for what could not be read of it. A disk that is away for a moment gives the same error
//! as a damaged one, and an older snapshot must not be taken for that.

use std::path::{Path, PathBuf};

use super::call;
use crate::error::ErrorKind;
use crate::{Error, Result, mountinfo};

/// What `zpool status -v` says of a pool.
#[derive(Debug, Default, PartialEq, Eq)]
struct Health {
    /// The states of the pool and of its devices, but those that are in order.
    troubled: Vec<String>,
    /// What cannot be read: `DATASET@SNAPSHOT:PATH`, a path, `<0xDATASET>:<0xOBJECT>`, ….
    unreadable: Vec<String>,
}

/// What `error` is, which reading `snapshot` gave, and gave again in a fresh look: the snapshot's fault if its pool is
/// whole and names it among what cannot be read.
pub(super) fn judged(snapshot: &str, error: Error) -> Error {
    let pool = snapshot.split(['/', '@']).next().unwrap_or(snapshot);
    let unclear = |what: String| {
        error.clone().while_doing(&what).with_help(format!(
            "see `zpool status -v {pool}`, mend what it names, then start the service again"
        ))
    };
    let health = match health(pool) {
        Ok(health) => health,
        Err(also) => {
            return unclear(format!(
                "whether it is damaged cannot be told ({})",
                also.fault()
            ));
        }
    };
    if let Some(troubled) = health.troubled.first() {
        return unclear(format!(
            "its pool is not whole ({troubled}), so it may be sound all the same"
        ));
    }
    if of(snapshot).names_any(&health.unreadable) {
        error.of_kind(ErrorKind::Damaged).blaming_the_snapshot()
    } else {
        unclear("its pool names nothing of it among what cannot be read".to_owned())
    }
}

/// How a pool may name what cannot be read of a snapshot: by its own name or number, or by those of its dataset and of
/// the dataset's other snapshots, which have most of their blocks in common with it (`check_filesystem()` in OpenZFS's
/// spa_errlog.c names the dataset first).
struct Names {
    dataset: String,
    objects: Vec<String>,
    mounted_at: Option<PathBuf>,
}

fn of(snapshot: &str) -> Names {
    let dataset = snapshot.split('@').next().unwrap_or(snapshot);
    let object = |of: &str| {
        let told = call::zfs(&["get", "-H", "-p", "-o", "value", "objsetid", of]).ok()?;
        let object: u64 = told.trim().parse().ok()?;
        Some(format!("<{object:#x}>:"))
    };
    Names {
        dataset: dataset.to_owned(),
        objects: [snapshot, dataset].into_iter().filter_map(object).collect(),
        mounted_at: mountinfo::place_of(dataset).ok().flatten(),
    }
}

impl Names {
    fn names_any(&self, unreadable: &[String]) -> bool {
        unreadable.iter().any(|named| {
            let of_it = named
                .strip_prefix(&self.dataset)
                .is_some_and(|rest| rest.starts_with([':', '@']));
            let is_below = |place: &PathBuf| Path::new(named).starts_with(place);
            of_it
                || self.objects.iter().any(|object| named.starts_with(object))
                || self.mounted_at.as_ref().is_some_and(is_below)
        })
    }
}

fn health(pool: &str) -> Result<Health> {
    let told = call::zpool(&["status", "-v", "-P", pool])?;
    Ok(Health::read(&told))
}

impl Health {
    fn read(told: &str) -> Self {
        let mut health = Self::default();
        let mut part = "";
        for line in told.lines() {
            let words = line.trim();
            match words.split_once(':') {
                Some((key @ ("state" | "config" | "errors"), value)) if part != "errors" => {
                    part = key;
                    if key == "state" && value.trim() != "ONLINE" {
                        health.troubled.push(format!("it is {}", value.trim()));
                    }
                    continue;
                }
                _ => {}
            }
            let mut columns = words.split_ascii_whitespace();
            match (part, columns.next(), columns.next()) {
                ("config", Some(name), Some(state)) if is_trouble(state) => {
                    health.troubled.push(format!("{name} is {state}"));
                }
                ("errors", Some(_), _) => health.unreadable.push(words.to_owned()),
                _ => {}
            }
        }
        health
    }
}

/// Whether a device in this state may lack what another look would find (zpoolconcepts(7)).
fn is_trouble(state: &str) -> bool {
    [
        "DEGRADED",
        "FAULTED",
        "OFFLINE",
        "REMOVED",
        "UNAVAIL",
        "SUSPENDED",
    ]
    .contains(&state)
}

/// Reads any text as what `zpool status -v` says.
#[cfg(any(test, fuzzing))]
pub(crate) fn any_status(text: &str) {
    let health = Health::read(text);
    assert!(health.unreadable.iter().all(|named| !named.contains('\n')));
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAMAGED: &str = "  pool: vault
 state: ONLINE
status: One or more devices has experienced an error resulting in data
\tcorruption.  Applications may be affected.
action: Restore the file in question if possible.  Otherwise restore the
\tentire pool from backup.
   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-8A
config:

\tNAME        STATE     READ WRITE CKSUM
\tvault       ONLINE       0     0     0
\t  /dev/vdc  ONLINE       0     0     4

errors: Permanent errors have been detected in the following files:

        vault/services/sonarr@good:/sonarr.db
        <0x1f>:<0x2>
        /srv/other/state: FAULTED
";

    #[test]
    fn a_pool_names_what_cannot_be_read() {
        let health = Health::read(DAMAGED);
        assert_eq!(health.troubled, Vec::<String>::new());
        let is_named = |dataset: &str, object: &str, place: Option<&str>| {
            let names = Names {
                dataset: dataset.to_owned(),
                objects: vec![object.to_owned()],
                mounted_at: place.map(PathBuf::from),
            };
            names.names_any(&health.unreadable)
        };
        assert!(is_named("vault/services/sonarr", "<0x1>:", None));
        assert!(is_named("vault/services/app", "<0x1f>:", None));
        assert!(is_named(
            "vault/services/other",
            "<0x1>:",
            Some("/srv/other")
        ));
        for (dataset, object, place) in [
            ("vault/services/son", "<0x1f0>:", Some("/srv/oth")),
            ("vault/services", "<0x1>:", Some("/srv/app")),
            ("vault/services/sonarr2", "<0x2>:", None),
        ] {
            assert!(!is_named(dataset, object, place), "{dataset}");
        }
    }

    #[test]
    fn a_device_that_is_away_explains_what_cannot_be_read() {
        for (from, to, expected) in [
            (
                "/dev/vdc  ONLINE ",
                "/dev/vdc  UNAVAIL",
                "/dev/vdc is UNAVAIL",
            ),
            (
                "vault       ONLINE ",
                "vault       DEGRADED",
                "vault is DEGRADED",
            ),
            ("state: ONLINE", "state: SUSPENDED", "it is SUSPENDED"),
        ] {
            let told = DAMAGED.replace(from, to);
            assert_eq!(Health::read(&told).troubled, [expected]);
        }
        let sound = "  pool: a\n state: ONLINE\nconfig:\n\n\tNAME STATE\n\ta ONLINE 0 0 0\n\nerrors: No known data errors\n";
        assert_eq!(Health::read(sound), Health::default());
    }
}
