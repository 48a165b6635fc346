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
use std::path::{Path, PathBuf};

use declaration::settings::Backup;
use declaration::value::TierName;
use jiff::Timestamp;
use report::Progress;
use serde::Deserialize;
use storage::mark::whole_seconds;
use storage::{Contents, Error, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Source};
use crate::staged;
use call::Call;
use trouble::Trouble;

/// See the module.
pub(super) struct Restic<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) backup: &'a Backup,
    /// The repository's answer: each question of restic costs the time of deriving its key.
    told: OnceCell<Vec<Told>>,
    /// Whose other snapshots of the same path there are, in words.
    others: OnceCell<BTreeSet<String>>,
}

/// A snapshot as `restic snapshots --json` tells it. Fields that are absent are unknown to that version.
#[derive(Debug, Deserialize)]
struct Told {
    time: Timestamp,
    paths: Vec<String>,
    hostname: String,
    #[serde(default)]
    tags: Vec<String>,
    id: String,
    summary: Option<Summary>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    #[serde(default)]
    total_bytes_processed: u64,
}

/// A node as `restic ls --json` tells it.
#[derive(Debug, Deserialize)]
struct Node {
    struct_type: String,
    #[serde(default)]
    path: String,
}

impl<'a> Restic<'a> {
    pub(super) fn new(context: &'a Context<'a>, backup: &'a Backup) -> Self {
        Self {
            context,
            backup,
            told: OnceCell::new(),
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

    /// The snapshots of this service, newest first.
    fn told(&self) -> Result<&[Told]> {
        if let Some(told) = self.told.get() {
            return Ok(told);
        }
        let told = self.ask_snapshots()?;
        Ok(self.told.get_or_init(|| told))
    }

    fn ask_snapshots(&self) -> Result<Vec<Told>> {
        let (host, path) = (self.host()?, self.path()?);
        let call = self.call()?;
        let ended = call
            .ask(&["snapshots", "--json", "--path", path])
            .map_err(|trouble| trouble.error)?;
        let mut told: Vec<Told> = serde_json::from_str(&ended.stdout)
            .map_err(|error| call.unreadable("snapshots", &error))?;
        // Host and tags are compared here: another service's snapshot must never be taken, and a reader is told
        // of those that only another name keeps from being this service's.
        let mut others = BTreeSet::new();
        told.retain(|snapshot| {
            if !snapshot.paths.iter().any(|p| p == path) {
                return false;
            }
            let is_ours = snapshot.hostname == host
                && self
                    .backup
                    .tags
                    .iter()
                    .all(|tag| snapshot.tags.contains(tag));
            if !is_ours {
                others.insert(format!(
                    "of host {} with tags {:?}",
                    snapshot.hostname, snapshot.tags
                ));
            }
            is_ours
        });
        let _ = self.others.set(others);
        told.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.time));
        Ok(told)
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

    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        let told = self.told()?;
        Ok(told
            .iter()
            .map(|snapshot| Snapshot {
                name: snapshot.id.clone(),
                taken: whole_seconds(snapshot.time),
                bytes: snapshot
                    .summary
                    .as_ref()
                    .map_or(0, |summary| summary.total_bytes_processed),
            })
            .collect())
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        let service = self.context.service;
        let root = Path::new(self.path().map_err(Failure::Source)?);
        // Only the directories that something is expected in are listed.
        let mut directories = BTreeSet::from([root.to_path_buf()]);
        let named = service.expect.iter().chain(&service.paths);
        let expected = named.map(|named| root.join(named));
        directories.extend(expected.filter_map(|path| path.parent().map(Path::to_path_buf)));
        let directories: Vec<String> = directories
            .iter()
            .map(|directory| directory.to_string_lossy().into_owned())
            .collect();
        let mut args = vec!["ls", "--json", &snapshot.name];
        args.extend(directories.iter().map(String::as_str));
        let call = self.call().map_err(Failure::Source)?;
        let ended = call.ask(&args).map_err(Trouble::blame)?;
        let mut paths = BTreeSet::new();
        for line in ended.stdout.lines() {
            let node: Node = serde_json::from_str(line)
                .map_err(|error| Failure::Source(call.unreadable("ls", &error)))?;
            if node.struct_type == "node" {
                paths.insert(PathBuf::from(node.path));
            }
        }
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
            .partition(|expected| paths.contains(&root.join(expected)));
        let names = paths
            .iter()
            .filter(|path| path.parent() == Some(root))
            .filter_map(|path| path.file_name());
        let (ignored, entries): (Vec<_>, Vec<_>) = names.partition(|name| {
            service
                .ignore
                .iter()
                .any(|ignored| *name == ignored.as_str())
        });
        let contents = Contents {
            entries: Contents::names(entries),
            mounted: Vec::new(),
            ignored: !ignored.is_empty(),
            found,
            missing,
        };
        Ok(contents.limited(&service.paths, |path| paths.contains(&root.join(path))))
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
        let told = self.told().map_err(Failure::Source)?;
        let has_others = told
            .iter()
            .any(|told| told.id == snapshot.name && told.paths.len() > 1);
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
                let target = staged.join(format!(".preseed-restic-{}", snapshot.name));
                let service = self.context.service;
                patience::restore(&call, service, snapshot, &include, &target, progress)?;
                lift::lift(&target, &self.backup.path, staged).map_err(Failure::Snapshot)
            },
        )
    }
}
