//! Which of a service's backups are forgotten: what restic's policy would forget of exactly its own, without what is held.

use std::collections::BTreeSet;

use declaration::settings::{Backup, Service};
use declaration::value::TierName;
use restore::proof::{self, Drilled, Drills};
use restore::source::restic as repository;
use restore::source::restic::call::Call;
use restore::source::restic::doubtful::Doubtful;
use restore::source::restic::snapshot_entry::{SnapshotEntry, is_apart};
use serde::Deserialize;
use storage::{Error, Result, as_found, frozen};

use crate::record::{self, Record};
use crate::{ready, work};

/// How many snapshots are named in one call.
const MANY: usize = 100;

/// What became of a service's backups.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// How many are forgotten.
    pub(crate) count: usize,
    /// Of how many.
    pub(crate) of: usize,
    /// Why some or all of those are kept that the policy would forget, in words.
    pub(crate) held: Option<String>,
}

/// How a service's backups are filed.
struct Filed<'a> {
    backup: &'a Backup,
    host: String,
    /// Sorted.
    paths: Vec<String>,
}

impl<'a> Filed<'a> {
    fn of(service: &Service, backup: &'a Backup) -> Result<Self> {
        let parts = frozen::parts(service)?;
        let paths = frozen::outermost(&parts).into_iter();
        let mut paths: Vec<String> = paths
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        paths.sort();
        Ok(Self {
            backup,
            host: repository::host(backup)?,
            paths,
        })
    }
}

/// Snapshots that have host and paths in common, as `restic forget --json` tells them.
#[derive(Debug, Deserialize)]
struct Group {
    host: String,
    paths: Vec<String>,
    #[serde(default)]
    keep: Option<Vec<SnapshotEntry>>,
    #[serde(default)]
    remove: Option<Vec<SnapshotEntry>>,
}

/// Forgets what `keep` does not keep; more than half of all only if `yes`. `None`: nothing is declared.
///
/// # Errors
/// When that cannot be told or done, or when it would be too many.
pub(crate) fn forget(declared: &Service, call: &Call<'_>, yes: bool) -> Result<Option<Forgotten>> {
    let service = as_found::whole(declared)?;
    let Some((backup, keep)) =
        (service.backup.as_ref()).and_then(|backup| Some((backup, backup.keep.as_ref()?)))
    else {
        return Ok(None);
    };
    let name = service.name.as_str();
    let filed = Filed::of(&service, backup)?;
    let groups = listed(call, &filed, &keep.0)?;
    let record = record::read(name)?;
    let (kept, removed) = own(groups, &filed.host, &filed.paths, &filed.backup.tags);
    let of = kept.len() + removed.len();
    let entries: Vec<&SnapshotEntry> = kept.iter().chain(&removed).collect();
    let all: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let uncounted = not_to_be_counted(&record.doubtful_in(&backup.repository), &entries);
    let held = match uncounted.map_or_else(
        || held(&service, backup, &record, &all),
        |why| Ok(Some(why)),
    )? {
        Some(why) => {
            return Ok(Some(Forgotten {
                count: 0,
                of,
                held: (!removed.is_empty()).then_some(why),
            }));
        }
        None => record.good.as_ref().map(|good| good.snapshot.as_str()),
    };
    let ids: Vec<&str> = removed
        .iter()
        .map(|entry| entry.id.as_str())
        .filter(|id| Some(*id) != held)
        .collect();
    let is_held = ids.len() < removed.len();
    if ids.len() * 2 > of && !yes {
        return Err(too_many(name, ids.len(), of, backup));
    }
    for some in ids.chunks(MANY) {
        let args = [&["forget"], some].concat();
        work::run(call, &args, service.stall_timeout).map_err(|failure| failure.error)?;
    }
    Ok(Some(Forgotten {
        count: ids.len(),
        of,
        held: is_held.then(|| "the last good one is held".to_owned()),
    }))
}

/// Those that would be kept and removed, of exactly this host, these paths and all tags.
fn own(
    groups: Vec<Group>,
    host: &str,
    paths: &[String],
    tags: &[impl AsRef<str>],
) -> (Vec<SnapshotEntry>, Vec<SnapshotEntry>) {
    let is_ours = |group: &Group| {
        let mut of_group = group.paths.clone();
        of_group.sort();
        group.host == host && of_group == paths
    };
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for group in groups.into_iter().filter(is_ours) {
        kept.extend(group.keep.into_iter().flatten());
        removed.extend(group.remove.into_iter().flatten());
    }
    // No restore takes what is filed apart: it counts for nothing, and goes when somebody removes it.
    let counts = |entry: &SnapshotEntry| !is_apart(&entry.tags, tags);
    let has_all_tags = |entry: &SnapshotEntry| {
        tags.iter()
            .all(|tag| entry.tags.iter().any(|own| own == tag.as_ref()))
    };
    kept.retain(counts);
    removed.retain(|entry| has_all_tags(entry) && counts(entry));
    (kept, removed)
}

/// Why what restic would keep and remove is not believed, if so: it counts a backup that may lack files for a whole one.
fn not_to_be_counted(doubtful: &Doubtful, entries: &[&SnapshotEntry]) -> Option<String> {
    let one = entries.iter().find(|entry| doubtful.has(entry))?;
    Some(format!(
        "the backup {} may lack files, and `keep` would count it: the next backup files it apart",
        one.id.get(..8).unwrap_or(&one.id)
    ))
}

fn too_many(name: &str, count: usize, of: usize, backup: &Backup) -> Error {
    Error::new(
        name,
        format!("`keep` would forget {count} of its {of} backups at once"),
        format!(
            "see `preseedctl repository list {0}`; if that is right, `preseedctl repository maintain {0} --yes`",
            backup.repository.name
        ),
    )
}

/// Why none of a service's backups may be forgotten, if so: the last good one must be known, and its data there.
///
/// # Errors
/// When it cannot be told.
fn held(
    service: &Service,
    backup: &Backup,
    record: &Record,
    all: &BTreeSet<&str>,
) -> Result<Option<String>> {
    let Some(good) = &record.good else {
        return Ok(Some("no backup of it has proved itself yet".to_owned()));
    };
    if good.repository.as_ref() != Some(&backup.repository.name)
        || !all.contains(good.snapshot.as_str())
    {
        let why = "the last good backup is not in this repository";
        return Ok(Some(why.to_owned()));
    }
    if let Some(missing) = ready::lacks_its_data(service)? {
        return Ok(Some(missing.fault()));
    }
    for part in service.parts().filter(|part| part.is_restored()) {
        let of_part = record::read(part.name.as_str())?;
        if of_part.keeps_all() {
            let cure = if of_part.unproved.or(of_part.unfound).is_some() {
                "the next backup that proves itself ends that".to_owned()
            } else {
                format!("if its data is right, `preseedctl accept {}`", part.of())
            };
            let why = format!(
                "the newest state of {0} has not proved itself: see `journalctl PRESEED_SERVICE={1}`; {cure}",
                part.name,
                part.of()
            );
            return Ok(Some(why));
        }
    }
    // Nothing else reads what the repository made of a backup.
    let drills = proof::read(service.name.as_str())?;
    Ok(drill_that_failed(service, backup, &drills))
}

/// How the newest backup of a part could not be restored when it was last drilled; `None` if all could.
fn drill_that_failed(service: &Service, backup: &Backup, drills: &Drills) -> Option<String> {
    let source = format!("repository {}", backup.repository.name);
    let mut parts = service.parts().filter(|part| part.is_restored());
    parts.find_map(|part| {
        let part = part.name.as_str();
        let is_of_it =
            |it: &&&Drilled| it.tier == TierName::Restic.as_str() && it.source == source;
        let standing = drills.standing(part);
        let bad = standing.iter().filter(is_of_it).find(|it| !it.outcome.is_good())?;
        let why = bad.outcome.why().unwrap_or_default();
        let drill = format!("`preseedctl drill {}`", service.name);
        let is_last = drills.telling_of_newest(part).contains(bad);
        Some(if is_last {
            format!("the last drill of {part} from {source} failed ({why}): see {drill}")
        } else {
            format!(
                "the last drill of all of {part} from {source} failed ({why}), and only samples were drilled since: let `max-size` \
                 in [drill] allow all of it, and see {drill}"
            )
        })
    })
}

/// What restic would keep and remove of the snapshots with this host, these paths and all tags.
fn listed(
    call: &Call<'_>,
    filed: &Filed<'_>,
    keep: &[(&'static str, usize)],
) -> Result<Vec<Group>> {
    let Filed {
        backup,
        host,
        paths,
    } = filed;
    let mut args = vec![
        "forget",
        "--dry-run",
        "--json",
        "--group-by=host,paths,tags",
    ];
    let (of_host, tags) = (
        format!("--host={host}"),
        format!("--tag={}", backup.tags.join(",")),
    );
    args.push(&of_host);
    for path in paths {
        args.extend(["--path", path]);
    }
    if !backup.tags.is_empty() {
        args.push(&tags);
    }
    let kinds: Vec<String> = keep
        .iter()
        .map(|(kind, count)| format!("--keep-{kind}={count}"))
        .collect();
    args.extend(kinds.iter().map(String::as_str));
    let told = call.ask(&args).map_err(|failure| failure.error)?;
    if let Some(unread) = call.unread(&told) {
        return Err(unread);
    }
    if told.stdout.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&told.stdout).map_err(|error| call.unreadable("forget", &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::Timestamp;
    use restore::proof::{Outcome, Which};
    use restore::source::restic::snapshot_entry::INCOMPLETE;

    use super::*;

    fn ids(entries: &[SnapshotEntry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn nothing_is_forgotten_while_a_backup_that_may_lack_files_counts_as_whole() {
        let (kept, removed) = own(groups(), "forge", &["/srv/a".to_owned()], &[""; 0]);
        let entries: Vec<&SnapshotEntry> = kept.iter().chain(&removed).collect();
        let mut doubtful = Doubtful::default();
        assert_eq!(not_to_be_counted(&doubtful, &entries), None);
        // Of a run that had no id to note.
        doubtful.unfiled = [String::new(), "of-another".to_owned()].into();
        assert_eq!(not_to_be_counted(&doubtful, &entries), None);
        doubtful.unfiled.insert("kep".to_owned());
        let why = not_to_be_counted(&doubtful, &entries).unwrap();
        assert!(why.starts_with("the backup kept may lack files"), "{why}");
        doubtful.unfiled.clear();
        doubtful.begun = Some("2026-11-26T00:00:00.7Z".parse().unwrap());
        assert!(not_to_be_counted(&doubtful, &entries).is_some());
        doubtful.begun = Some("2026-11-26T00:00:01Z".parse().unwrap());
        assert_eq!(not_to_be_counted(&doubtful, &entries), None);
    }

    fn groups() -> Vec<Group> {
        let entry = |id: &str, tags: &[&str]| {
            serde_json::json!({
                "id": id, "time": "2026-11-26T00:00:00Z", "hostname": "forge", "paths": ["/srv/a"], "tags": tags,
            })
        };
        let told = serde_json::json!([
            {
                "host": "forge", "paths": ["/srv/a"],
                "keep": [entry("kept", &[]), entry("incomplete-kept", &[INCOMPLETE])],
                "remove": [entry("old", &[]), entry("incomplete-old", &[INCOMPLETE])],
            },
            { "host": "forge", "paths": ["/srv/b"], "keep": [], "remove": [entry("of-another", &[])] },
        ]);
        serde_json::from_value(told).unwrap()
    }

    #[test]
    fn what_lacks_files_neither_counts_nor_is_forgotten() {
        let paths = ["/srv/a".to_owned()];
        let (kept, removed) = own(groups(), "forge", &paths, &[] as &[&str]);
        assert_eq!(ids(&kept), ["kept"]);
        assert_eq!(ids(&removed), ["old"]);
    }

    #[test]
    fn what_a_drill_has_shown_to_be_unsound_is_told() {
        let text = "[backup]\nrepository = \"default\"\n";
        let service = declared::service("app", Some(declared::REPOSITORY), text).unwrap();
        let failed = || Outcome::Failed {
            error: "damaged".into(),
            why: "a page is torn".into(),
            of_a_part: false,
        };
        let undrilled = || Outcome::NotDrilled {
            error: String::new(),
            why: "no room".into(),
        };
        let drilled = |(source, which, outcome): (&str, Which, Outcome)| Drilled {
            part: "app".into(),
            tier: "restic".into(),
            source: source.into(),
            which,
            snapshot: Some("0a1b".into()),
            taken: None,
            drilled: Timestamp::UNIX_EPOCH,
            outcome,
            took: 0,
            is_estimate: false,
            bytes: 0,
        };
        let told = |results: Vec<(&str, Which, Outcome)>| {
            let drills = Drills {
                results: results.into_iter().map(drilled).collect(),
                ..Drills::default()
            };
            drill_that_failed(&service, service.backup.as_ref().unwrap(), &drills)
        };
        let (ours, newest) = ("repository default", Which::Newest);
        let why = told(vec![(ours, newest, failed())]).unwrap();
        assert!(why.contains("a page is torn"), "{why}");
        // What comes after it, and whether that makes it good.
        for (later, is_good) in [
            ((ours, newest, Outcome::Proven), true),
            ((ours, newest, undrilled()), false),
            ((ours, Which::Oldest, Outcome::Proven), false),
            (("repository other", newest, Outcome::Proven), false),
        ] {
            let results = vec![(ours, newest, failed()), later];
            assert_eq!(told(results).is_none(), is_good);
        }
        // A sample ends what a sample has shown, and says nothing of all of it.
        let of_a_part = || Outcome::Failed {
            error: "check-failed".into(),
            why: "app.db has no tables".into(),
            of_a_part: true,
        };
        for (before, is_held) in [(failed(), true), (of_a_part(), false)] {
            let results = vec![(ours, newest, before), (ours, newest, Outcome::Sampled)];
            assert_eq!(told(results).is_some(), is_held);
        }
        let all = [failed(), of_a_part(), Outcome::Sampled];
        let why = told(all.map(|outcome| (ours, newest, outcome)).to_vec()).unwrap();
        assert!(
            why.contains("a page is torn") && why.contains("max-size"),
            "{why}"
        );
    }

    #[test]
    fn what_lacks_a_tag_is_another_services() {
        let paths = ["/srv/a".to_owned()];
        let (_, removed) = own(groups(), "forge", &paths, &["a"]);
        assert!(removed.is_empty());
    }
}
