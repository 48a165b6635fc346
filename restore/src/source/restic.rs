//! A snapshot in the service's restic repository.

#[cfg(any(test, fuzzing))]
pub mod any_words;
pub mod call;
pub mod doubtful;
mod elsewhere;
pub mod failure_kind;
mod host;
mod listing;
pub mod locks;
mod memory;
mod move_into_place;
mod named;
mod places;
mod proof;
mod retry;
mod sample;
pub mod secrets;
mod size;
pub mod snapshot_entry;
pub mod stored;
mod transfer;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use declaration::Search;
use declaration::settings::Backup;
use declaration::value::TierName;
use jiff::{SignedDuration, Timestamp};
use report::{Event, Kind};
use storage::{Contents, Error, ErrorKind, Origin, Result, Snapshot};

use crate::context::Context;
use crate::failure::Failure;
use crate::remember;
use crate::source::{Bring, Elsewhere, Fill, Sample, Snapshots, Source};
use elsewhere::{Claim, Filed, Group, Reason, groups};
pub use host::host;
use listing::{Listed, Listing};
use snapshot_entry::{Lies, lies};

/// A newest snapshot of less than this age is taken without a look at all others.
const FRESH: SignedDuration = SignedDuration::from_hours(36);

/// How many kinds of snapshots that may be the service's data are named.
const FEW: usize = 3;

/// Into how many snapshots of paths above is looked at most. Kinds that are not looked into count.
const MOST_LOOKS: usize = 40;

/// See the module.
struct Restic<'a> {
    context: &'a Context<'a>,
    backup: &'a Backup,
    listing: Listing<'a>,
}

/// The source of this kind, if the tier is its own and a repository is declared.
pub(super) fn of<'a>(context: &'a Context<'a>, tier: TierName) -> Vec<Box<dyn Source + 'a>> {
    let backup = context.service.backup.iter();
    backup
        .filter(|_| tier == TierName::Restic)
        .map(|backup| Box::new(Restic::new(context, backup)) as Box<dyn Source + 'a>)
        .collect()
}

impl<'a> Restic<'a> {
    fn new(context: &'a Context<'a>, backup: &'a Backup) -> Self {
        Self {
            context,
            backup,
            listing: Listing::new(context.service, backup),
        }
    }

    /// Whose fault a failure with a snapshot is.
    fn blame(&self, failure: failure_kind::RepositoryFailure) -> Failure {
        match self.listing.call() {
            Ok(call) => proof::blame(call, None, failure),
            Err(error) => Failure::Source(error),
        }
    }

    /// Whether a snapshot holds the directory of the service's data. One of a path above need not.
    ///
    /// # Errors
    /// It holds the directory in a way that cannot be used, or was not made of it.
    fn has_root(&self, snapshot: &Snapshot, listed: &Listed) -> std::result::Result<bool, Failure> {
        let path = self.listing.path().map_err(Failure::Source)?;
        let (root, nodes) = (Path::new(path), &listed.nodes);
        let root_node = nodes.iter().find(|node| node.path == root);
        let is_link_above = |node: &listing::Node| {
            node.is_link() && root.starts_with(&node.path) && node.path != root
        };
        let is_link = root_node.is_some_and(|node| !node.is_directory())
            || root_node.is_none() && nodes.iter().any(is_link_above);
        if is_link {
            return Err(Failure::Source(Error::new(
                self.label(snapshot),
                format!(
                    "it holds {} only as a link or a file, not what is behind it",
                    root.display()
                ),
                "restic stores a link as it is: make the backup of the directory that it leads to, \
                 and declare that as `path` below [backup]",
            ).of_kind(ErrorKind::InDoubt)));
        }
        if root_node.is_some() {
            return Ok(true);
        }
        if lies(&listed.told, path) == Lies::Above {
            // From before the service had anything there.
            return Ok(false);
        }
        Err(Failure::Source(Error::new(
            self.label(snapshot),
            format!("it does not hold {} itself", root.display()),
            "it was made with a relative path: look with `restic ls`, restore it by hand if it is the data, \
             and make backups with the whole path",
        ).of_kind(ErrorKind::InDoubt)))
    }

    /// The names that a path of the service's data may end with.
    fn names(&self) -> Vec<&str> {
        let service = self.context.service;
        let dataset = service.storage.dataset();
        let dataset = dataset.map(|dataset| dataset.name.last());
        let name = service.name.as_str();
        let other = dataset.filter(|dataset| *dataset != name);
        std::iter::once(name).chain(other).collect()
    }

    /// What the other declared services take of this repository. Of one whose declaration is broken nothing is known.
    fn claims(&self) -> Vec<Claim> {
        let parts = declaration::load(&Search::from_env()).parts().into_iter();
        let others = parts.filter(|other| other.name != self.context.service.name);
        let backups = others.filter_map(|other| other.backup);
        let here = backups.filter(|backup| backup.repository.url == self.backup.repository.url);
        here.filter_map(|backup| {
            Some(Claim {
                path: backup.path.to_str()?.to_owned(),
                host: host(&backup).ok()?,
                tags: backup.tags,
            })
        })
        .collect()
    }

    /// That these may be the service's data, and what to write.
    fn doubt(&self, filed: &Filed<'_>, groups: &[&Group]) -> Error {
        let service = self.context.service;
        let (name, file) = (service.name.as_str(), service.source.display());
        let newest = groups.first().map(|group| filed.lines(group));
        let mut cures = vec![format!(
            "if that is its data, write {} below [backup] in {file}",
            newest.unwrap_or_default()
        )];
        if groups.iter().any(|group| group.host != filed.host) {
            cures.push(format!(
                "if it is another machine's, write `host = \"{}\"` there, or once for all services below [backup] in \
                 /etc/preseed/preseed.toml",
                filed.host
            ));
        }
        cures.push(format!(
            "if it is not wanted, `preseedctl forget {}` lets the service start empty",
            service.of()
        ));
        Error::new(
            self.name(),
            format!("it holds what may be {name}'s data: {}", in_words(groups)),
            cures.join("; "),
        )
        .of_kind(ErrorKind::InDoubt)
    }

    /// Tells what a restore goes on without.
    fn tell_what_is_left_out(&self, call: &call::Call<'_>) {
        let name = self.context.service.name.as_str();
        if let Some(unread) = self.listing.unread() {
            let message = format!("{}, and may be newer: going on without it", unread.fault());
            let event = Event::new(Kind::PassedOver, name, message);
            let event = event.tier("restic").outcome("passed-over").warning();
            event.error(unread.kind().code()).tell();
        }
        if !call.uses_cache() {
            let message = format!(
                "{}: its cache in {} is damaged: the restore goes on without it; remove it with `rm -r`",
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

/// Groups of snapshots, for people: the newest few.
fn in_words(groups: &[&Group]) -> String {
    let mut words: Vec<String> = groups
        .iter()
        .take(FEW)
        .map(|group| group.in_words())
        .collect();
    if let Some(more @ 1..) = groups.len().checked_sub(FEW) {
        let snapshots: usize = groups[FEW..].iter().map(|group| group.count).sum();
        words.push(format!("and {snapshots} more, of {more} kinds"));
    }
    words.join("; ")
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

    fn local_directory(&self) -> Option<&Path> {
        self.backup.repository.local_directory()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        // One that is old may have been followed by backups of a path above.
        let newest = self.listing.newest()?.map(|newest| newest.told.snapshot());
        let newest = newest.filter(|newest| {
            let age = Timestamp::now().duration_since(newest.taken);
            age < FRESH
        });
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
        let older = older.flatten().flat_map(|snapshot| {
            let id = snapshot.as_ref().map_or("", |snapshot| &snapshot.name);
            let newer = self.listing.left_out_before(id).iter();
            let newer: Vec<_> = newer.map(|told| Ok(told.snapshot())).collect();
            newer.into_iter().chain([snapshot])
        });
        Ok(Box::new(newest.map(Ok).into_iter().chain(older)))
    }

    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        // One that cannot be asked is not asked once more.
        failure_kind::may_be_forgotten(failure.error()).then(|| self.listing.list_again())
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
                .map_err(|failure| self.blame(failure))?;
            &looked
        };
        let nodes = &listed.nodes;
        if !self.has_root(snapshot, listed)? {
            return Ok(Contents::default());
        }
        let paths: BTreeSet<&Path> = nodes.iter().map(|node| node.path.as_path()).collect();
        let is_there = |expected: &Path| stored::holds(nodes, &root.join(expected));
        let (found, missing) = service
            .expect
            .iter()
            .cloned()
            .partition(|expected| is_there(expected));
        let leads_to_places = |entry: &Path| {
            let listed = nodes.iter();
            let listed = listed.map(|node| (&*node.path, node.is_directory()));
            places::only_lead_there(service, root, entry, listed)
        };
        let names = paths
            .iter()
            .filter(|path| path.parent() == Some(root) && !leads_to_places(path))
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
                .map_err(|failure| self.blame(failure))?;
        }
        Ok(contents.limited(&service.paths, |path| paths.contains(&*root.join(path))))
    }

    fn elsewhere(&self) -> Result<Elsewhere> {
        let host = self.listing.host()?;
        let filed = Filed {
            names: self.names(),
            path: self.listing.path()?,
            host: &host,
            tags: &self.backup.tags,
        };
        // Also where one question told that there is no newest one.
        self.listing.told()?;
        let groups = groups(self.listing.others(), &filed, &self.claims());
        let given_up = remember::given_up(self.context);
        let stops = |group: &Group| {
            Some(group.newest) > given_up && (self.backup.host.is_none() || group.host == host)
        };
        let (mut doubtful, mut harmless): (Vec<_>, Vec<_>) = groups.into_iter().partition(stops);
        // A path above need not hold the service's. Those that stop nothing are not worth a look.
        harmless.retain(|group| group.reason != Reason::Above);
        let mut looks = 0;
        let mut holds = |group: &Group| {
            for id in listing::spread(&group.ids) {
                if looks == MOST_LOOKS {
                    return Ok(true);
                }
                looks += 1;
                if self
                    .listing
                    .has_entries(id)
                    .map_err(|failure| failure.error)?
                {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let mut kept = Vec::new();
        for group in doubtful.drain(..) {
            if group.reason != Reason::Above || holds(&group)? {
                kept.push(group);
            }
        }
        let (doubtful, harmless): (Vec<_>, Vec<_>) =
            (kept.iter().collect(), harmless.iter().collect());
        Ok(Elsewhere {
            doubt: (!doubtful.is_empty()).then(|| self.doubt(&filed, &doubtful)),
            remark: (!harmless.is_empty()).then(|| {
                let only = "no snapshot of the service's; what others have is left alone";
                format!("{only}: {}", in_words(&harmless))
            }),
        })
    }

    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        let listing = &self.listing;
        let (call, path) = listing
            .call()
            .and_then(|call| Ok((call, listing.path()?)))
            .map_err(Failure::Source)?;
        let wanted = self.context.wanted();
        let include: Vec<String> = if !wanted.is_empty() {
            let root = Path::new(path);
            let wanted = wanted.iter().map(|path| root.join(path));
            wanted
                .map(|path| path.to_string_lossy().into_owned())
                .collect()
        } else if listing.has_other_paths(&snapshot.name, path) {
            vec![path.to_owned()]
        } else {
            Vec::new()
        };
        let exclude = places::paths(self.context.service, Path::new(path));
        let (turn, backup) = (&self.context.turn, self.backup);
        let service = self.context.service;
        Ok(Bring::Staged {
            by: "restic",
            origin: Origin::Empty,
            fill: Fill::By(Box::new(move |staged, progress| {
                let target = staged.join(move_into_place::TARGET);
                let which = (include.as_slice(), exclude.as_slice());
                retry::restore(call, turn, snapshot, which, &target, progress)?;
                move_into_place::move_into_place(&target, &backup.path, staged)
                    .and_then(|()| storage::set::leave_places_out(staged, service))
                    .map_err(Failure::of)
            })),
        })
    }

    fn size(&self, snapshot: &Snapshot) -> std::result::Result<u64, Failure> {
        if snapshot.bytes > 0 {
            return Ok(snapshot.bytes);
        }
        let call = self.listing.call().map_err(Failure::Source)?;
        size::of(call, snapshot).map_err(|failure| self.blame(failure))
    }

    fn sample(&self, snapshot: &Snapshot) -> Option<std::result::Result<Sample, Failure>> {
        let listing = &self.listing;
        let asked = listing
            .call()
            .and_then(|call| Ok((call, Path::new(listing.path()?))));
        Some(match asked {
            Ok((call, root)) => sample::of(call, &snapshot.name, root, self.context.service)
                .map_err(|failure| self.blame(failure)),
            Err(error) => Err(Failure::Source(error)),
        })
    }

    fn pause_between_drills(&self) -> Option<Duration> {
        self.backup.repository.drill
    }

    fn begins(&self) {
        if let Ok(call) = self.listing.call() {
            self.tell_what_is_left_out(call);
        }
    }
}
