//! A snapshot in the service's restic repository.

mod call;
mod lift;
mod locks;
mod memory;
mod patience;
mod secrets;
mod size;
mod transfer;
mod trouble;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use declaration::settings::Backup;
use declaration::value::TierName;
use jiff::Timestamp;
use report::{Event, Kind as EventKind, Progress};
use serde::Deserialize;
use storage::mark::whole_seconds;
use storage::{Contents, Error, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Snapshots, Source};
use crate::staged;
use call::Call;
use trouble::{Kind, Trouble};

/// See the module.
pub(super) struct Restic<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) backup: &'a Backup,
    /// The newest snapshot, if one question tells it: each costs the time of deriving the repository's key.
    newest: OnceCell<Option<Listed>>,
    /// All of them, if they were needed.
    told: OnceCell<Vec<Told>>,
    /// That the repository has snapshots that cannot be read: whose they are, nobody knows.
    unread: OnceCell<Error>,
    /// Whose other snapshots of the same path there are, in words.
    others: OnceCell<BTreeSet<String>>,
}

/// A snapshot, and what was listed of it: the directories that something is expected in.
#[derive(Debug)]
struct Listed {
    told: Told,
    nodes: Vec<Node>,
}

/// A snapshot as `restic snapshots --json` tells it. Fields that are absent are unknown to that version.
#[derive(Debug, Clone, Deserialize)]
struct Told {
    time: Timestamp,
    paths: Vec<String>,
    hostname: String,
    #[serde(default)]
    tags: Vec<String>,
    id: String,
    summary: Option<Summary>,
}

#[derive(Debug, Clone, Deserialize)]
struct Summary {
    #[serde(default)]
    total_bytes_processed: u64,
}

/// A line of `restic ls --json`.
#[derive(Debug, Deserialize)]
#[serde(tag = "struct_type", rename_all = "lowercase")]
enum Line {
    /// The first one.
    Snapshot(Told),
    Node(Node),
    #[serde(other)]
    Other,
}

/// A file, a directory, … in a snapshot.
#[derive(Debug, Clone, Deserialize)]
struct Node {
    path: PathBuf,
    #[serde(rename = "type")]
    kind: String,
}

impl Node {
    fn is_directory(&self) -> bool {
        self.kind == "dir"
    }
}

impl<'a> Restic<'a> {
    pub(super) fn new(context: &'a Context<'a>, backup: &'a Backup) -> Self {
        Self {
            context,
            backup,
            newest: OnceCell::new(),
            told: OnceCell::new(),
            unread: OnceCell::new(),
            others: OnceCell::new(),
        }
    }

    fn host(&self) -> Result<String> {
        if let Some(host) = &self.backup.host {
            return Ok(host.clone());
        }
        let unknown = |why: String| Error::new("host name", why, "declare `host` in [backup]");
        let name = nix::unistd::gethostname().map_err(|error| unknown(error.to_string()))?;
        let name = name
            .into_string()
            .map_err(|_| unknown("it is not UTF-8".into()))?;
        // Names that a machine has before it is told its own.
        if matches!(
            name.as_str(),
            "" | "localhost" | "localhost.localdomain" | "(none)"
        ) {
            return Err(unknown(format!(
                "it is `{name}`, which no backup is filed under"
            )));
        }
        Ok(name)
    }

    fn path(&self) -> Result<&str> {
        self.backup.path.to_str().ok_or_else(|| {
            Error::new(
                self.backup.path.to_string_lossy(),
                "restic cannot be asked for a path that is not UTF-8",
                "declare another `path`",
            )
        })
    }

    fn repository(&self) -> &str {
        &self.backup.repository.name
    }

    fn call(&self) -> Result<Call<'a>> {
        Call::to(&self.backup.repository)
    }

    /// The newest snapshot of this service, with what lies in it; `None` if that takes the list of all: there is none,
    /// or it is damaged, or another one cannot be read.
    fn newest(&self) -> Result<Option<&Listed>> {
        if let Some(newest) = self.newest.get() {
            return Ok(newest.as_ref());
        }
        let newest = self.ask_newest()?;
        Ok(self.newest.get_or_init(|| newest).as_ref())
    }

    fn ask_newest(&self) -> Result<Option<Listed>> {
        let (host, path) = (self.host()?, self.path()?);
        let (host, tags) = (
            format!("--host={host}"),
            format!("--tag={}", self.backup.tags.join(",")),
        );
        let mut which = vec!["--path", path, &host];
        // An empty one would ask for snapshots without any.
        if !self.backup.tags.is_empty() {
            which.push(&tags);
        }
        which.push("latest");
        let listed = match self.list(&which) {
            Ok(listed) => listed,
            Err(trouble) if matches!(trouble.kind, Kind::Damaged | Kind::Other) => return Ok(None),
            Err(trouble) => return Err(trouble.error),
        };
        // That it is this service's is looked at here, whatever restic was asked for.
        let is_ours = self.is_of_the_path(&listed.told)? && self.is_ours(&listed.told)?;
        Ok(is_ours.then_some(listed))
    }

    /// Lists a snapshot's directories that something is expected in.
    fn list(&self, which: &[&str]) -> std::result::Result<Listed, Trouble> {
        let service = self.context.service;
        let root = Path::new(self.path()?);
        let mut directories = BTreeSet::from([root.to_path_buf()]);
        let named = service.expect.iter().chain(&service.paths);
        let expected = named.map(|named| root.join(named));
        directories.extend(expected.filter_map(|path| path.parent().map(Path::to_path_buf)));
        let directories: Vec<String> = directories
            .iter()
            .map(|directory| directory.to_string_lossy().into_owned())
            .collect();
        let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
        self.ls(&[which, &directories[..]].concat())
    }

    fn ls(&self, args: &[&str]) -> std::result::Result<Listed, Trouble> {
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
            None => Err(call.says_no_snapshot().into()),
        }
    }

    /// The snapshots of this service, newest first.
    fn told(&self) -> Result<&[Told]> {
        if let Some(told) = self.told.get() {
            return Ok(told);
        }
        let told = self.ask_snapshots()?;
        Ok(self.told.get_or_init(|| told))
    }

    fn ask_snapshots(&self) -> Result<Vec<Told>> {
        let path = self.path()?;
        let call = self.call()?;
        let ended = call
            .ask(&["snapshots", "--json", "--path", path])
            .map_err(|trouble| trouble.error)?;
        if let Some(error) = call.unread(&ended) {
            let _ = self.unread.set(error);
        }
        let all: Vec<Told> = serde_json::from_str(&ended.stdout)
            .map_err(|error| call.unreadable("snapshots", &error))?;
        // Host and tags are compared here: another service's snapshot must never be taken, and a reader is told
        // of those that only another name keeps from being this service's.
        let mut others = BTreeSet::new();
        let mut told = Vec::new();
        for snapshot in all {
            if !self.is_of_the_path(&snapshot)? {
                continue;
            }
            if self.is_ours(&snapshot)? {
                told.push(snapshot);
            } else {
                others.insert(format!(
                    "of host {} with tags {:?}",
                    snapshot.hostname, snapshot.tags
                ));
            }
        }
        let _ = self.others.set(others);
        told.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time));
        Ok(told)
    }

    fn is_of_the_path(&self, snapshot: &Told) -> Result<bool> {
        let path = self.path()?;
        Ok(snapshot.paths.iter().any(|p| p == path))
    }

    fn is_ours(&self, snapshot: &Told) -> Result<bool> {
        let tags = &self.backup.tags;
        Ok(snapshot.hostname == self.host()? && tags.iter().all(|tag| snapshot.tags.contains(tag)))
    }

    /// Whether what counts of a snapshot is directories, and not one file at any depth.
    fn is_hollow(&self, id: &str, nodes: &[Node]) -> std::result::Result<bool, Trouble> {
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
        let entry = path
            .strip_prefix(root)
            .ok()
            .and_then(|path| path.iter().next());
        entry.is_none_or(|name| Contents::counts(name, self.context.service))
    }
}

impl Told {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            name: self.id.clone(),
            taken: whole_seconds(self.time),
            bytes: self
                .summary
                .as_ref()
                .map_or(0, |summary| summary.total_bytes_processed),
        }
    }
}

impl Source for Restic<'_> {
    fn tier(&self) -> TierName {
        TierName::Restic
    }

    fn name(&self) -> String {
        format!("repository {}", self.repository())
    }

    fn label(&self, snapshot: &Snapshot) -> String {
        format!("{} of {}", snapshot.label(), self.name())
    }

    fn needs_network(&self) -> bool {
        self.backup.repository.is_remote()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        let newest = self.newest()?.map(|newest| newest.told.snapshot());
        let first = newest.clone();
        let older = std::iter::once_with(move || match self.told() {
            Ok(told) => {
                let older = told.iter().map(Told::snapshot);
                let mut older: Vec<_> = older
                    .filter(|snapshot| {
                        first
                            .as_ref()
                            .is_none_or(|first| first.name != snapshot.name)
                    })
                    .map(Ok)
                    .collect();
                older.extend(self.unread.get().cloned().map(Err));
                older
            }
            Err(error) => vec![Err(error)],
        });
        Ok(Box::new(newest.map(Ok).into_iter().chain(older.flatten())))
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        let service = self.context.service;
        let root = Path::new(self.path().map_err(Failure::Source)?);
        let newest = self.newest.get().and_then(Option::as_ref);
        let nodes = match newest.filter(|newest| newest.told.id == snapshot.name) {
            Some(newest) => newest.nodes.clone(),
            None => self.list(&[&snapshot.name]).map_err(Trouble::blame)?.nodes,
        };
        let paths: BTreeSet<&Path> = nodes.iter().map(|node| node.path.as_path()).collect();
        if !paths.contains(root) {
            return Err(Failure::Source(Error::new(
                self.label(snapshot),
                format!("it does not hold {} itself", root.display()),
                "it was made with a relative path: look with `restic ls`, restore it by hand if it is the data, \
                 and make backups with the whole path",
            )));
        }
        let (found, missing) = service
            .expect
            .iter()
            .cloned()
            .partition(|expected| paths.contains(&*root.join(expected)));
        let names = paths
            .iter()
            .filter(|path| path.parent() == Some(root))
            .filter_map(|path| path.file_name());
        let (entries, others): (Vec<_>, Vec<_>) =
            names.partition(|name| Contents::counts(name, service));
        let is_ignored = |name: &&OsStr| service.ignore.iter().any(|own| *name == own.as_str());
        let mut contents = Contents {
            entries: Contents::names(entries),
            ignored: others.iter().any(is_ignored),
            found,
            missing,
            ..Contents::default()
        };
        if contents.holds_only_others() {
            contents.hollow = self
                .is_hollow(&snapshot.name, &nodes)
                .map_err(Trouble::blame)?;
        }
        Ok(contents.limited(&service.paths, |path| paths.contains(&*root.join(path))))
    }

    fn remark(&self) -> Option<String> {
        let others = self.others.get().filter(|others| !others.is_empty())?;
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        Some(format!(
            "but it has snapshots of {} {}: if they are this service's, declare `host` and `tags` as theirs",
            self.backup.path.display(),
            others.join(", ")
        ))
    }

    fn origin<'s>(&self, _snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        Some(Origin::Empty)
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let (call, path) = self
            .call()
            .and_then(|call| Ok((call, self.path()?)))
            .map_err(Failure::Source)?;
        let newest = self.newest.get().and_then(Option::as_ref);
        let mut told = newest
            .map(|newest| &newest.told)
            .into_iter()
            .chain(self.told.get().into_iter().flatten());
        let has_others = told.any(|told| told.id == snapshot.name && told.paths.len() > 1);
        if let Some(unread) = self.unread.get() {
            let name = self.context.service.name.as_str();
            let message = format!("{}, and may be newer: going on without it", unread.fault());
            let event = Event::new(EventKind::PassedOver, name, message);
            event.tier("restic").outcome("passed-over").warning().tell();
        }
        let wanted = self.context.wanted();
        let include: Vec<String> = if !wanted.is_empty() {
            let root = Path::new(path);
            let wanted = wanted.iter().map(|path| root.join(path));
            wanted
                .map(|path| path.to_string_lossy().into_owned())
                .collect()
        } else if has_others {
            vec![path.to_owned()]
        } else {
            Vec::new()
        };
        staged::restore(
            self.context,
            &Origin::Empty,
            "restic",
            &snapshot.name,
            progress,
            |staged, progress| {
                let target = staged.join(lift::TARGET);
                let service = self.context.service;
                patience::restore(&call, service, snapshot, &include, &target, progress)?;
                lift::lift(&target, &self.backup.path, staged).map_err(staged::at_fault)
            },
        )
    }
}
