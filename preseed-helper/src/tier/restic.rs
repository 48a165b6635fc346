//! A snapshot in the service's restic repository.

#[cfg(any(test, fuzzing))]
pub mod any_words;
mod call;
mod lift;
mod listing;
mod locks;
mod memory;
mod patience;
mod proof;
mod secrets;
mod size;
mod transfer;
mod trouble;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use declaration::settings::Backup;
use declaration::value::TierName;
use report::{Event, Kind, Progress};
use storage::{Contents, Error, Origin, Result, Snapshot};

use super::{Context, Failure, Restored, Snapshots, Source};
use crate::staged::{self, Fill};
use listing::Listing;

/// See the module.
pub(super) struct Restic<'a> {
    context: &'a Context<'a>,
    backup: &'a Backup,
    listing: Listing<'a>,
}

impl<'a> Restic<'a> {
    pub(super) fn new(context: &'a Context<'a>, backup: &'a Backup) -> Self {
        Self {
            context,
            backup,
            listing: Listing::new(context.service, backup),
        }
    }

    /// The failure that trouble with a snapshot is.
    fn blame(&self, trouble: trouble::Trouble) -> Failure {
        match self.listing.call() {
            Ok(call) => proof::blame(call, None, trouble),
            Err(error) => Failure::Source(error),
        }
    }

    /// Tells what a restore goes on without.
    fn tell_what_is_left_out(&self, call: &call::Call<'_>) {
        let name = self.context.service.name.as_str();
        if let Some(unread) = self.listing.unread() {
            let message = format!("{}, and may be newer: going on without it", unread.fault());
            let event = Event::new(Kind::PassedOver, name, message);
            event.tier("restic").outcome("passed-over").warning().tell();
        }
        if !call.uses_cache() {
            let message = format!(
                "{}: what was kept of it in {} is damaged: going on without; remove it with `rm -r`",
                self.name(),
                call::cache_in_words()
            );
            let event = Event::new(Kind::SourceAnswered, name, message);
            event
                .tier("restic")
                .outcome("without-cache")
                .warning()
                .tell();
        }
    }
}

impl Source for Restic<'_> {
    fn tier(&self) -> TierName {
        TierName::Restic
    }

    fn name(&self) -> String {
        format!("repository {}", self.backup.repository.name)
    }

    fn label(&self, snapshot: &Snapshot) -> String {
        format!("{} of {}", snapshot.label(), self.name())
    }

    fn needs_network(&self) -> bool {
        self.backup.repository.is_remote()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        let newest = self.listing.newest()?.map(|newest| newest.told.snapshot());
        let first = newest.as_ref().map(|newest| newest.name.clone());
        let older = std::iter::once_with(move || match self.listing.told() {
            Ok(told) => {
                let older = told.iter().filter(|told| Some(&told.id) != first.as_ref());
                let mut older: Vec<_> = older.map(|told| Ok(told.snapshot())).collect();
                older.extend(self.listing.unread().cloned().map(Err));
                older
            }
            Err(error) => vec![Err(error)],
        });
        Ok(Box::new(newest.map(Ok).into_iter().chain(older.flatten())))
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        let service = self.context.service;
        let root = Path::new(self.listing.path().map_err(Failure::Source)?);
        let looked;
        let listed = if let Some(listed) = self.listing.listed(&snapshot.name) {
            listed
        } else {
            looked = self
                .listing
                .list(&[&snapshot.name])
                .map_err(|trouble| self.blame(trouble))?;
            &looked
        };
        let nodes = &listed.nodes;
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
        if contents.could_be_hollow(service) {
            contents.hollow = self
                .listing
                .is_hollow(&snapshot.name, nodes)
                .map_err(|trouble| self.blame(trouble))?;
        }
        Ok(contents.limited(&service.paths, |path| paths.contains(&*root.join(path))))
    }

    fn remark(&self) -> Option<String> {
        let others = self.listing.others();
        (!others.is_empty()).then(|| {
            format!(
                "but it has snapshots of {} {}: if they are this service's, declare `host` and `tags` as theirs",
                self.backup.path.display(),
                others.join(", ")
            )
        })
    }

    fn origin<'s>(&self, _snapshot: &'s Snapshot) -> Option<Origin<'s>> {
        Some(Origin::Empty)
    }

    fn restore(
        &self,
        snapshot: &Snapshot,
        progress: &mut Progress,
    ) -> std::result::Result<Restored, Failure> {
        let listing = &self.listing;
        let (call, path) = listing
            .call()
            .and_then(|call| Ok((call, listing.path()?)))
            .map_err(Failure::Source)?;
        let known = listing.known(&snapshot.name);
        let has_others = known.is_some_and(|told| told.paths.len() > 1);
        self.tell_what_is_left_out(call);
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
        let (turn, backup) = (&self.context.turn, self.backup);
        staged::restore(
            self.context,
            &Origin::Empty,
            "restic",
            snapshot,
            progress,
            Fill::By(Box::new(|staged, progress| {
                let target = staged.join(lift::TARGET);
                patience::restore(call, turn, snapshot, &include, &target, progress)?;
                lift::lift(&target, &backup.path, staged).map_err(staged::at_fault)
            })),
        )
    }
}
