//! What the repository tells of the service's snapshots. Each question costs the time of deriving its key: the newest
//! snapshot and what lies in it are asked for at once, and the list of all only if it is needed.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::result::Result as StdResult;

use declaration::settings::{Backup, Service};
use serde::Deserialize;
use storage::{Contents, Error, Result, Snapshot};

use super::call::Call;
use super::doubtful::Doubtful;
use super::failure_kind::{Kind, RepositoryFailure};
use super::host;
use super::places;
use super::snapshot_entry::{Lies, SnapshotEntry, is_apart, lies};

/// What is known until now.
pub(super) struct Listing<'a> {
    service: &'a Service,
    backup: &'a Backup,
    call: OnceCell<Call<'a>>,
    /// The newest snapshot, if one question tells it.
    newest: OnceCell<Option<Listed>>,
    /// All of them, if they were needed.
    told: OnceCell<Vec<SnapshotEntry>>,
    /// All others of the repository, if those were needed.
    others: OnceCell<Vec<SnapshotEntry>>,
    /// All of them as they were when they were last listed again.
    told_again: RefCell<Vec<SnapshotEntry>>,
    /// Of paths above, those that are looked into only if the next older one has something, by the name of that.
    between: OnceCell<BTreeMap<String, Vec<SnapshotEntry>>>,
    /// Its backups that may lack files.
    doubtful: OnceCell<Doubtful>,
    /// That the repository has snapshots that cannot be read: whose they are, nobody knows.
    unread: OnceCell<Error>,
}

/// A snapshot, and what was listed of it: the directories that something is expected in.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) told: SnapshotEntry,
    pub(super) nodes: Vec<Node>,
}

/// A line of `restic ls --json`.
#[derive(Debug, Deserialize)]
#[serde(tag = "struct_type", rename_all = "lowercase")]
pub(super) enum Line {
    /// The first one.
    Snapshot(SnapshotEntry),
    Node(Node),
    #[serde(other)]
    Other,
}

/// A file, a directory, … in a snapshot.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Node {
    pub(super) path: PathBuf,
    #[serde(rename = "type")]
    kind: String,
}

impl Node {
    pub(super) fn is_directory(&self) -> bool {
        self.kind == "dir"
    }

    pub(super) fn is_link(&self) -> bool {
        self.kind == "symlink"
    }
}

impl<'a> Listing<'a> {
    /// Of a service's snapshots. Nothing is asked yet.
    pub(super) fn new(service: &'a Service, backup: &'a Backup) -> Self {
        Self {
            service,
            backup,
            call: OnceCell::new(),
            newest: OnceCell::new(),
            told: OnceCell::new(),
            told_again: RefCell::default(),
            between: OnceCell::new(),
            others: OnceCell::new(),
            doubtful: OnceCell::new(),
            unread: OnceCell::new(),
        }
    }

    /// The host that its snapshots carry.
    ///
    /// # Errors
    /// When none is declared, and the machine has no name of its own.
    pub(super) fn host(&self) -> Result<String> {
        host::host(self.backup)
    }

    /// The path that its snapshots carry.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(super) fn path(&self) -> Result<&str> {
        self.backup.path.to_str().ok_or_else(|| {
            Error::new(
                self.backup.path.to_string_lossy(),
                "restic cannot be asked for a path that is not UTF-8",
                "declare another `path`",
            )
        })
    }

    /// Calls of the service's repository.
    ///
    /// # Errors
    /// When its secrets cannot be read.
    pub(super) fn call(&self) -> Result<&Call<'a>> {
        if let Some(call) = self.call.get() {
            return Ok(call);
        }
        let call = Call::to(&self.backup.repository, self.service.stall_timeout)?;
        Ok(self.call.get_or_init(|| call))
    }

    /// The newest snapshot of this service, with what lies in it; `None` if that takes the list of all: there is none,
    /// or it is damaged, or another one cannot be read.
    ///
    /// # Errors
    /// When the repository cannot be asked.
    pub(super) fn newest(&self) -> Result<Option<&Listed>> {
        if let Some(newest) = self.newest.get() {
            return Ok(newest.as_ref());
        }
        let newest = self.ask_newest()?;
        Ok(self.newest.get_or_init(|| newest).as_ref())
    }

    fn ask_newest(&self) -> Result<Option<Listed>> {
        let (host, path) = (self.host()?, self.path()?);
        let (of_host, tags) = (
            format!("--host={host}"),
            format!("--tag={}", self.backup.tags.join(",")),
        );
        let mut which = vec!["--path", path, &of_host];
        // An empty one would ask for snapshots without any.
        if !self.backup.tags.is_empty() {
            which.push(&tags);
        }
        which.push("latest");
        let mut listed = match self.list(&which) {
            Ok(listed) => listed,
            Err(failure)
                if matches!(failure.kind, Kind::Damaged | Kind::NoSnapshot | Kind::Other) =>
            {
                return Ok(None);
            }
            Err(failure) => return Err(failure.error),
        };
        // That it is this service's is looked at here, whatever restic was asked for.
        self.mark(&mut listed.told, &host)?;
        let is_ours = lies(&listed.told, path) == Lies::There && self.is_filed(&listed.told, &host);
        Ok(is_ours.then_some(listed))
    }

    /// Lists the directories of a snapshot that something is expected in. `which`: what `restic ls` is told of it.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub(super) fn list(&self, which: &[&str]) -> StdResult<Listed, RepositoryFailure> {
        let service = self.service;
        let root = Path::new(self.path()?);
        let mut directories = BTreeSet::from([root.to_path_buf()]);
        let named = service.expect.iter().chain(&service.paths);
        let expected = named.map(|named| root.join(named));
        directories.extend(expected.filter_map(|path| path.parent().map(Path::to_path_buf)));
        directories.extend(places::ways(service, root));
        // A backup of a path above may have a link on the way.
        directories.extend(root.ancestors().skip(1).map(Path::to_path_buf));
        let directories: Vec<String> = directories
            .iter()
            .map(|directory| directory.to_string_lossy().into_owned())
            .collect();
        let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
        self.ls(&[which, &directories[..]].concat())
    }

    fn ls(&self, args: &[&str]) -> StdResult<Listed, RepositoryFailure> {
        let call = self.call()?;
        let ended = call.ask(&[&["ls", "--json"], args].concat())?;
        let (mut told, mut nodes) = (None, Vec::new());
        for line in ended.stdout.lines() {
            match serde_json::from_str(line).map_err(|error| call.unreadable("ls", &error))? {
                Line::Snapshot(snapshot) => told = Some(snapshot),
                Line::Node(node) => nodes.push(node),
                Line::Other => {}
            }
        }
        match told {
            Some(told) => Ok(Listed { told, nodes }),
            None => Err(call.says_no_snapshot(&ended).into()),
        }
    }

    /// The snapshots of this service, newest first.
    ///
    /// # Errors
    /// When the repository cannot be asked.
    pub(super) fn told(&self) -> Result<&[SnapshotEntry]> {
        if let Some(told) = self.told.get() {
            return Ok(told);
        }
        let told = self.ask_snapshots()?;
        Ok(self.told.get_or_init(|| told))
    }

    /// The same as they are now, newest first: some may have been forgotten since.
    ///
    /// # Errors
    /// When the repository cannot be asked.
    pub(super) fn list_again(&self) -> Result<Vec<Snapshot>> {
        let told = self.ask_snapshots()?;
        let snapshots = told.iter().map(SnapshotEntry::snapshot).collect();
        self.told_again.replace(told);
        Ok(snapshots)
    }

    fn ask_snapshots(&self) -> Result<Vec<SnapshotEntry>> {
        let (path, host) = (self.path()?, self.host()?);
        let call = self.call()?;
        let ended = call
            .ask(&["snapshots", "--json"])
            .map_err(|failure| failure.error)?;
        if let Some(error) = call.unread(&ended) {
            let _ = self.unread.set(error);
        }
        let mut all: Vec<SnapshotEntry> = serde_json::from_str(&ended.stdout)
            .map_err(|error| call.unreadable("snapshots", &error))?;
        for told in &mut all {
            self.mark(told, &host)?;
        }
        // All is compared here: another service's snapshot must never be taken, and those that are only filed
        // otherwise may be the service's all the same.
        let is_ours = |told: &SnapshotEntry| {
            lies(told, path) != Lies::Elsewhere && self.is_filed(told, &host)
        };
        let (mut told, others) = all.into_iter().partition::<Vec<_>, _>(is_ours);
        let _ = self.others.set(others);
        told.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time));
        // Each backup of a path above has to be looked into: not hundreds that never held anything of the service.
        let (above, mut told): (Vec<_>, Vec<_>) = told
            .into_iter()
            .partition(|snapshot| lies(snapshot, path) == Lies::Above);
        let (looked_into, between) = split(above);
        let _ = self.between.set(between);
        told.extend(looked_into);
        told.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time));
        Ok(told)
    }

    /// Those that were left out before this one, newest first, if it has something: they may have it, too.
    pub(super) fn left_out_before(&self, id: &str) -> &[SnapshotEntry] {
        let between = self.between.get().and_then(|between| between.get(id));
        match between {
            // If it cannot be looked into, looking into itself says so.
            Some(between) if self.has_entries(id).unwrap_or(false) => between,
            _ => &[],
        }
    }

    /// Gives what is filed as the service's and may lack files the tag of that.
    fn mark(&self, snapshot: &mut SnapshotEntry, host: &str) -> Result<()> {
        if !self.is_filed(snapshot, host) {
            return Ok(());
        }
        if let Some(doubtful) = self.doubtful.get() {
            doubtful.mark(snapshot);
            return Ok(());
        }
        let doubtful = Doubtful::of(self.service, self.backup)?;
        self.doubtful.get_or_init(|| doubtful).mark(snapshot);
        Ok(())
    }

    /// Whether host and tags of a snapshot are the service's.
    fn is_filed(&self, snapshot: &SnapshotEntry, host: &str) -> bool {
        let tags = &self.backup.tags;
        snapshot.hostname == host
            && tags.iter().all(|tag| snapshot.tags.contains(tag))
            && !is_apart(&snapshot.tags, tags)
    }

    /// Whether a snapshot that was told of holds other paths than `path`.
    pub(super) fn has_other_paths(&self, id: &str, path: &str) -> bool {
        let newest = self.newest.get().and_then(Option::as_ref);
        let newest = newest.map(|newest| &newest.told);
        let all = self.told.get().into_iter().flatten();
        let between = self.between.get().into_iter().flat_map(BTreeMap::values);
        let again = self.told_again.borrow();
        newest
            .into_iter()
            .chain(all)
            .chain(between.flatten())
            .chain(&*again)
            .any(|told| told.id == id && told.paths != [path])
    }

    /// What was listed of a snapshot until now.
    pub(super) fn listed(&self, id: &str) -> Option<&Listed> {
        let newest = self.newest.get().and_then(Option::as_ref);
        newest.filter(|newest| newest.told.id == id)
    }

    /// That the repository has snapshots which cannot be read, if that was seen.
    pub(super) fn unread(&self) -> Option<&Error> {
        self.unread.get()
    }

    /// The repository's snapshots that are not the service's, as they were told.
    pub(super) fn others(&self) -> &[SnapshotEntry] {
        self.others.get().map_or(&[], Vec::as_slice)
    }

    /// Whether a snapshot has anything at the service's path.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub(super) fn has_entries(&self, id: &str) -> StdResult<bool, RepositoryFailure> {
        let path = self.path()?;
        let root = Path::new(path);
        let mut wanted = vec![id, path];
        wanted.extend(root.ancestors().skip(1).filter_map(Path::to_str));
        let listed = self.ls(&wanted)?;
        Ok(listed.nodes.iter().any(|node| {
            let is_below = node.path.starts_with(root) && node.path != root;
            // What lies behind a link on the way, nobody tells.
            let is_link = root.starts_with(&node.path) && !node.is_directory();
            is_below || is_link
        }))
    }

    /// Whether what counts of a snapshot is directories and what a package makes, and not one other file at any depth. `nodes` is what was listed of it.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub(super) fn is_hollow(&self, id: &str, nodes: &[Node]) -> StdResult<bool, RepositoryFailure> {
        let root = Path::new(self.path()?);
        let is_directory = |node: &Node| {
            node.is_directory() || !node.path.starts_with(root) || !self.counts(root, &node.path)
        };
        if !nodes.iter().all(is_directory) {
            return Ok(false);
        }
        let all = self.ls(&["--recursive", id, self.path()?])?;
        Ok(all.nodes.iter().all(is_directory))
    }

    /// Whether what lies at or below an entry of the root counts.
    fn counts(&self, root: &Path, path: &Path) -> bool {
        let Ok(below) = path.strip_prefix(root) else {
            return true;
        };
        let counts = |name| Contents::counts(name, self.service);
        if places::holds(self.service, below) {
            return false;
        }
        below.iter().next().is_none_or(counts) && !Contents::is_skeleton(below, self.service)
    }
}

/// Those that are looked into in any case, and the others by the name of the next older one that is.
fn split(all: Vec<SnapshotEntry>) -> (Vec<SnapshotEntry>, BTreeMap<String, Vec<SnapshotEntry>>) {
    let ids: Vec<String> = all.iter().map(|snapshot| snapshot.id.clone()).collect();
    let chosen: BTreeSet<&String> = spread(&ids).into_iter().collect();
    let (mut looked_into, mut between) = (Vec::new(), BTreeMap::new());
    let mut left_out = Vec::new();
    for snapshot in all {
        if !chosen.contains(&snapshot.id) {
            left_out.push(snapshot);
            continue;
        }
        if !left_out.is_empty() {
            between.insert(snapshot.id.clone(), std::mem::take(&mut left_out));
        }
        looked_into.push(snapshot);
    }
    (looked_into, between)
}

/// Of many, the first ones, and then some at distances that grow by half: what lasted for long is among them.
pub(super) fn spread<T>(all: &[T]) -> Vec<&T> {
    const FIRST: usize = 16;
    let mut spread: Vec<&T> = all.iter().take(FIRST).collect();
    let mut at = FIRST;
    while at < all.len() {
        spread.push(&all[at]);
        at += at / 2;
    }
    if let Some(last) = all.last().filter(|_| all.len() > FIRST) {
        spread.push(last);
    }
    spread
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{SnapshotEntry, split, spread};

    #[test]
    fn what_lasted_for_long_is_among_those_that_are_looked_into() {
        let few: Vec<usize> = (0..16).collect();
        assert_eq!(spread(&few).len(), 16);
        let all: Vec<usize> = (0..1000).collect();
        let looked = spread(&all);
        assert!(looked.len() < 30, "{}", looked.len());
        assert_eq!((looked[0], looked.last()), (&0, Some(&&999)));
        for since in 0..600 {
            // It was there for as long as it has been gone.
            let lasted = since..=(2 * since).min(999).max(since);
            assert!(looked.iter().any(|at| lasted.contains(*at)), "{since}");
        }
    }

    #[test]
    fn what_is_left_out_is_found_by_the_next_older_one() {
        let entry = |number: usize| -> SnapshotEntry {
            let text = format!(
                r#"{{"time":"2026-01-01T00:00:00Z","paths":["/srv"],"hostname":"h","id":"{number}"}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let (looked_into, between) = split((0..30).map(entry).collect());
        let ids: Vec<&str> = looked_into.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids[14..], ["14", "15", "16", "24", "29"]);
        let before = |id: &str| {
            between[id]
                .iter()
                .map(|entry| entry.id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(before("24"), ["17", "18", "19", "20", "21", "22", "23"]);
        assert_eq!(before("29"), ["25", "26", "27", "28"]);
        assert_eq!(between.len(), 2);
    }
}
