//! Snapshots of the repository that are not filed as the service's, and may be its data all the same: a host that was
//! renamed, a tag that is misspelt, a backup of the directory above.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::snapshot_entry::{Lies, SnapshotEntry, lies};

/// What the service's snapshots are filed under.
#[derive(Debug)]
pub(super) struct Filed<'a> {
    /// The names that a path of its data may end with: the service's, and its dataset's.
    pub(super) names: Vec<&'a str>,
    /// The path (absolute).
    pub(super) path: &'a str,
    pub(super) host: &'a str,
    pub(super) tags: &'a [String],
}

/// What another declared service's snapshots in the same repository are filed under.
#[derive(Debug)]
pub(super) struct Claim {
    /// The path (absolute).
    pub(super) path: String,
    pub(super) host: String,
    pub(super) tags: Vec<String>,
}

/// Why a snapshot may hold the service's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It is of the same path.
    Path,
    /// It is of a path above, and may hold the service's below it.
    Above,
    /// It carries all of the service's tags, at least one of which no other service has.
    Tags,
    /// Its path ends with the service's name, and the host or a tag that only this service has fits.
    Name,
}

/// Snapshots that are filed alike, none of them as the service's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) reason: Reason,
    pub(super) host: String,
    pub(super) paths: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) count: usize,
    /// When the newest of them was taken.
    pub(super) newest: Timestamp,
    /// Their ids, newest first.
    pub(super) ids: Vec<String>,
}

/// Why, and the host, paths and tags that snapshots are filed under.
type Filing<'a> = (Reason, &'a str, &'a [String], &'a [String]);

/// Those of `all` that may hold the service's data, newest first. `all` has none that is filed as the service's; what
/// another declared service takes is never among them.
pub(super) fn groups(all: &[SnapshotEntry], own: &Filed<'_>, others: &[Claim]) -> Vec<Group> {
    let mut groups: BTreeMap<Filing<'_>, Group> = BTreeMap::new();
    let mut newest_first: Vec<&SnapshotEntry> = all.iter().collect();
    newest_first.sort_by_key(|told| std::cmp::Reverse(told.time));
    for snapshot in newest_first {
        let Some(reason) = reason(snapshot, own, others) else {
            continue;
        };
        if is_taken(snapshot, reason, own, others) {
            continue;
        }
        let key = (
            reason,
            snapshot.hostname.as_str(),
            snapshot.paths.as_slice(),
            snapshot.tags.as_slice(),
        );
        let group = groups.entry(key).or_insert_with(|| Group {
            reason,
            host: snapshot.hostname.clone(),
            paths: snapshot.paths.clone(),
            tags: snapshot.tags.clone(),
            count: 0,
            newest: snapshot.time,
            ids: Vec::new(),
        });
        group.count += 1;
        group.ids.push(snapshot.id.clone());
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.newest));
    groups
}

/// Whether another declared service takes as its own what of the snapshot may be this one's. One snapshot can hold the
/// paths of several services: what another takes of it says nothing of the rest.
fn is_taken(snapshot: &SnapshotEntry, reason: Reason, own: &Filed<'_>, others: &[Claim]) -> bool {
    let concerns = |claim: &Claim| match reason {
        Reason::Path => claim.path == own.path,
        Reason::Above => Path::new(own.path).starts_with(&claim.path),
        Reason::Tags | Reason::Name => true,
    };
    others.iter().filter(|claim| concerns(claim)).any(|claim| {
        snapshot.hostname == claim.host
            && lies(snapshot, &claim.path) == Lies::There
            && claim.tags.iter().all(|tag| snapshot.tags.contains(tag))
    })
}

fn reason(snapshot: &SnapshotEntry, own: &Filed<'_>, others: &[Claim]) -> Option<Reason> {
    match lies(snapshot, own.path) {
        Lies::There => return Some(Reason::Path),
        Lies::Above => return Some(Reason::Above),
        Lies::Elsewhere => {}
    }
    let is_own = |tag: &&String| !others.iter().any(|claim| claim.tags.contains(tag));
    let fits = |tag: &&String| snapshot.tags.contains(tag);
    if own.tags.iter().all(|tag| fits(&tag)) && own.tags.iter().any(|tag| is_own(&tag)) {
        return Some(Reason::Tags);
    }
    let has_own_tag = || own.tags.iter().filter(is_own).any(|tag| fits(&tag));
    let ends_with_its_name = snapshot.paths.iter().any(|path| own.is_named(path));
    (ends_with_its_name && (snapshot.hostname == own.host || has_own_tag())).then_some(Reason::Name)
}

impl Filed<'_> {
    fn is_named(&self, path: &str) -> bool {
        let last = Path::new(path).file_name();
        last.is_some_and(|last| self.names.iter().any(|name| last == *name))
    }

    /// The lines below `[backup]` that make a group's snapshots the service's.
    pub(super) fn lines(&self, group: &Group) -> String {
        let mut lines = Vec::new();
        if group.host != self.host {
            lines.push(format!("host = {}", quoted(&group.host)));
        }
        if !matches!(group.reason, Reason::Path | Reason::Above) {
            let named = group.paths.iter().find(|path| self.is_named(path));
            let path = named.or_else(|| group.paths.first());
            lines.extend(path.map(|path| format!("path = {}", quoted(path))));
        }
        if !self.tags.iter().all(|tag| group.tags.contains(tag)) {
            let tags: Vec<String> = group.tags.iter().map(|tag| quoted(tag)).collect();
            lines.push(format!("tags = [{}]", tags.join(", ")));
        }
        let lines: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
        lines.join(" and ")
    }
}

impl Group {
    /// What the snapshots are, for people.
    pub(super) fn in_words(&self) -> String {
        let tags = if self.tags.is_empty() {
            "without tags".to_owned()
        } else {
            format!("with tags {}", self.tags.join(", "))
        };
        let (what, newest) = if self.count == 1 {
            ("a snapshot".to_owned(), "of")
        } else {
            (format!("{} snapshots", self.count), "the newest of them of")
        };
        format!(
            "{what} of {} of host {} {tags}, {newest} {}",
            self.paths.join(" and "),
            self.host,
            storage::local(self.newest)
        )
    }
}

/// A text as a string of TOML. A JSON string is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "nas";

    fn told(host: &str, path: &str, tags: &[&str], day: u32) -> SnapshotEntry {
        let time = format!("2026-11-{day:02}T00:00:00Z");
        let id = format!("{host}{path}{day}");
        let json = serde_json::json!({"time": time, "paths": [path], "hostname": host, "tags": tags, "id": id});
        serde_json::from_value(json).unwrap()
    }

    fn tags(tags: &[&str]) -> Vec<String> {
        tags.iter().map(ToString::to_string).collect()
    }

    fn claim(path: &str, named: &[&str]) -> Claim {
        Claim {
            path: path.to_owned(),
            host: HOST.to_owned(),
            tags: tags(named),
        }
    }

    fn reasons(all: &[SnapshotEntry], own_tags: &[&str], others: &[Claim]) -> Vec<Reason> {
        let own_tags = tags(own_tags);
        let own = Filed {
            names: vec!["app", "app-data"],
            path: "/srv/app",
            host: HOST,
            tags: &own_tags,
        };
        let groups = groups(all, &own, others);
        groups.iter().map(|group| group.reason).collect()
    }

    #[test]
    fn what_is_filed_otherwise_is_in_doubt() {
        let (app, both) = (["app"], ["app", "media"]);
        for (snapshot, own_tags, expected) in [
            (
                told("nas.lan", "/srv/app", &app, 1),
                &app[..],
                Some(Reason::Path),
            ),
            (told(HOST, "/srv/app", &["ap"], 1), &app, Some(Reason::Path)),
            (told(HOST, "/srv", &[], 1), &app, Some(Reason::Above)),
            (told("other", "/", &[], 1), &app, Some(Reason::Above)),
            (
                told(HOST, "/old/place", &both, 1),
                &both,
                Some(Reason::Tags),
            ),
            (
                told("other", "/old/place", &app, 1),
                &app,
                Some(Reason::Tags),
            ),
            (told(HOST, "/old/app", &[], 1), &app, Some(Reason::Name)),
            (told(HOST, "/old/app-data", &[], 1), &[], Some(Reason::Name)),
            (
                told("other", "/old/app", &app, 1),
                &both,
                Some(Reason::Name),
            ),
            // Nobody's tags say nothing, nor does a name without anything that fits.
            (told("other", "/old/app", &[], 1), &app, None),
            (told(HOST, "/old/place", &[], 1), &[], None),
            (told(HOST, "/srv/apple", &[], 1), &app, None),
            (told(HOST, "/srv/app/sub", &[], 1), &app, None),
        ] {
            let expected = Vec::from_iter(expected);
            assert_eq!(
                reasons(std::slice::from_ref(&snapshot), own_tags, &[]),
                expected,
                "{snapshot:?}"
            );
        }
    }

    #[test]
    fn what_another_service_takes_or_is_tagged_alike_is_not() {
        let others = [
            claim("/srv/other", &["media"]),
            claim("/old/app", &["app-2"]),
        ];
        let all = [
            told(HOST, "/srv/other", &["media", "app"], 1),
            told(HOST, "/old/app", &["app-2"], 1),
            told(HOST, "/elsewhere", &["media"], 1),
        ];
        assert_eq!(reasons(&all, &["media"], &others), []);
        // A tag of its own makes the third one doubtful, were it there.
        let own = [told(HOST, "/elsewhere", &["media", "app"], 1)];
        assert_eq!(reasons(&own, &["media", "app"], &others), [Reason::Tags]);
    }

    #[test]
    fn what_another_takes_of_a_snapshot_of_several_paths_hides_nothing_of_the_rest() {
        let mut both = told(HOST, "/srv/app", &["other"], 1);
        both.paths.push("/srv/other".to_owned());
        let mut above = told(HOST, "/srv", &["other"], 2);
        above.paths.push("/var/other".to_owned());
        let others = [claim("/srv/other", &["other"]), claim("/var/other", &[])];
        let reasons = reasons(&[both, above], &["app"], &others);
        assert_eq!(reasons, [Reason::Above, Reason::Path]);
    }

    #[test]
    fn those_filed_alike_are_one_with_a_count_and_the_newest() {
        let all: Vec<SnapshotEntry> = [3, 9, 5]
            .map(|day| told("nas.lan", "/srv/app", &["app"], day))
            .to_vec();
        let own_tags = tags(&["app"]);
        let own = Filed {
            names: vec!["app"],
            path: "/srv/app",
            host: HOST,
            tags: &own_tags,
        };
        let groups = groups(&all, &own, &[]);
        assert_eq!(
            groups[0].in_words(),
            format!(
                "3 snapshots of /srv/app of host nas.lan with tags app, the newest of them of {}",
                storage::local(groups[0].newest)
            )
        );
        assert_eq!(
            (groups.len(), groups[0].ids[0].as_str()),
            (1, "nas.lan/srv/app9")
        );
        assert_eq!(own.lines(&groups[0]), "`host = \"nas.lan\"`");
    }

    #[test]
    fn the_lines_make_it_the_services() {
        let own_tags = tags(&["app", "x"]);
        let own = Filed {
            names: vec!["app"],
            path: "/srv/app",
            host: HOST,
            tags: &own_tags,
        };
        let all = [told("a\"b", "/old/app", &["x"], 1)];
        let groups = groups(&all, &own, &[]);
        assert_eq!(
            own.lines(&groups[0]),
            r#"`host = "a\"b"` and `path = "/old/app"` and `tags = ["x"]`"#
        );
    }

    proptest! {
        /// Whatever lies in the repository: what one service takes is never another's doubt, and each snapshot of the
        /// path that nobody else takes is.
        #[test]
        fn each_snapshot_of_the_path_counts_unless_another_takes_it(
            hosts in proptest::collection::vec(proptest::sample::select(vec!["nas", "other"]), 1..8),
            paths in proptest::collection::vec(
                proptest::sample::select(vec!["/srv/app", "/srv", "/srv/other", "/", "/x/app"]), 8),
            tagged in proptest::collection::vec(proptest::sample::select(vec!["app", "media", "z"]), 8),
        ) {
            let all: Vec<SnapshotEntry> = hosts.iter().zip(&paths).zip(&tagged)
                .map(|((host, path), tag)| told(host, path, &[tag], 1)).collect();
            let own_tags = tags(&["app", "media"]);
            let own = Filed { names: vec!["app"], path: "/srv/app", host: HOST, tags: &own_tags };
            let others = [claim("/srv/other", &["media"]), claim("/srv/app", &["z"])];
            let groups = groups(&all, &own, &others);
            for snapshot in &all {
                let reason = reason(snapshot, &own, &others);
                let taken = reason.is_none_or(|reason| is_taken(snapshot, reason, &own, &others));
                let grouped = groups.iter().any(|group| group.host == snapshot.hostname
                    && group.paths == snapshot.paths && group.tags == snapshot.tags);
                prop_assert!(!(taken && grouped));
                if snapshot.paths[0] == "/srv/app" && !taken {
                    prop_assert!(grouped);
                }
            }
        }
    }
}
