//! A snapshot in the service's restic repository.

mod call;
mod lift;
mod secrets;
mod transfer;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use declaration::settings::Backup;
use declaration::value::TierName;
use jiff::Timestamp;
use report::Progress;
use serde::Deserialize;
use storage::contents::listed;
use storage::mark::whole_seconds;
use storage::{Error, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Source};
use crate::staged;
use call::Call;

/// See the module.
pub(super) struct Restic<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) backup: &'a Backup,
    /// The repository's answer: each question of restic costs the time of deriving its key.
    told: OnceCell<Vec<Told>>,
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
        }
    }

    fn host(&self) -> Result<String> {
        if let Some(host) = &self.backup.host {
            return Ok(host.clone());
        }
        let unknown = |why: String| Error::new("host name", why, "declare `host` in [backup]");
        let name = nix::unistd::gethostname().map_err(|error| unknown(error.to_string()))?;
        name.into_string()
            .map_err(|_| unknown("it is not UTF-8".into()))
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

    fn unreadable(&self, command: &str, error: &serde_json::Error) -> Error {
        Error::new(
            format!("repository {}", self.repository()),
            format!("`restic {command} --json` printed what cannot be read: {error}"),
            "see that `restic version` is 0.14 or newer",
        )
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
        let tags = self.backup.tags.join(",");
        let mut args = vec!["snapshots", "--json", "--host", &host, "--path", path];
        if !tags.is_empty() {
            args.extend(["--tag", &tags]);
        }
        let ended = self.call()?.ask(&args)?;
        let mut told: Vec<Told> = serde_json::from_str(&ended.stdout)
            .map_err(|error| self.unreadable("snapshots", &error))?;
        // What restic selected is checked again: another service's snapshot must never be taken.
        told.retain(|snapshot| {
            snapshot.hostname == host
                && snapshot.paths.iter().any(|p| p == path)
                && self
                    .backup
                    .tags
                    .iter()
                    .all(|tag| snapshot.tags.contains(tag))
        });
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

    fn lacks(&self, snapshot: &Snapshot) -> Result<Option<String>> {
        let service = self.context.service;
        let root = self.path()?;
        // Only the directories that something is expected in are listed.
        let mut directories: BTreeSet<PathBuf> = BTreeSet::from([PathBuf::from(root)]);
        for expected in &service.expect {
            if let Some(parent) = Path::new(root).join(expected).parent() {
                directories.insert(parent.to_path_buf());
            }
        }
        let directories: Vec<String> = directories
            .iter()
            .map(|d| d.to_string_lossy().into_owned())
            .collect();
        let mut args = vec!["ls", "--json", &snapshot.name];
        args.extend(directories.iter().map(String::as_str));
        let ended = self.call()?.ask(&args)?;
        let mut paths = BTreeSet::new();
        for line in ended.stdout.lines() {
            let node: Node =
                serde_json::from_str(line).map_err(|error| self.unreadable("ls", &error))?;
            if node.struct_type == "node" {
                paths.insert(PathBuf::from(node.path));
            }
        }
        let missing: Vec<PathBuf> = service
            .expect
            .iter()
            .filter(|expected| !paths.contains(&Path::new(root).join(expected)))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Ok(Some(format!("it lacks {}", listed(&missing))));
        }
        let counts = |path: &&PathBuf| {
            path.parent() == Some(Path::new(root))
                && path.file_name().is_some_and(|name| {
                    !service
                        .ignore
                        .iter()
                        .any(|ignored| name == ignored.as_str())
                })
        };
        Ok(paths
            .iter()
            .find(counts)
            .is_none()
            .then(|| "it is empty".to_owned()))
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let by = "restic";
        staged::restore(
            self.context,
            &Origin::Empty,
            by,
            &snapshot.name,
            progress,
            |staged, progress| {
                let target = staged.join(format!(".preseed-restic-{}", snapshot.name));
                let only = self
                    .told()?
                    .iter()
                    .any(|told| told.id == snapshot.name && told.paths.len() == 1);
                let include = if only { None } else { Some(self.path()?) };
                transfer::restore(&self.call()?, snapshot, include, &target, progress)?;
                lift::lift(&target, &self.backup.path, staged)
            },
        )
    }
}
