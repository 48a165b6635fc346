//! A service's ZFS dataset.

mod apply;
mod call;
mod found;
mod inspect;
pub(crate) mod listing;
mod properties;
mod receive;
pub(crate) mod replaced;
mod replica;
mod staging;
mod swap;
mod unmarked;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use declaration::settings::{Dataset, Replica, Service};
use jiff::Timestamp;

use crate::mark::PROPERTY;
use crate::{
    Applied, Contents, Error, Kept, LeftOver, Mark, MarkState, Observation, Origin, Place, Result,
    Snapshot, Staged, Storage, copy, kept, mountpoint,
};
use properties::Properties;

/// One service's dataset.
pub(crate) struct Zfs<'a> {
    service: &'a Service,
    dataset: &'a Dataset,
    /// What the last look showed: each call of `zfs` takes its time, and the steps after it need not ask again.
    seen: RefCell<Option<Seen>>,
}

/// What one look at a service's datasets showed.
#[derive(Debug, Clone)]
struct Seen {
    /// The dataset; `None` if there is none.
    dataset: Option<Properties>,
    /// What stands where its restores are staged.
    staging: Option<Properties>,
    /// Whether somebody receives an increment into it just now, which is given up if it is interrupted.
    is_receiving: bool,
}

impl<'a> Zfs<'a> {
    pub(crate) fn new(service: &'a Service, dataset: &'a Dataset) -> Self {
        call::wait_at_most(service.stall_timeout);
        Self {
            service,
            dataset,
            seen: RefCell::new(None),
        }
    }

    /// Looks at the dataset and at the staging, in one call of `zfs`.
    fn look(&self) -> Result<Seen> {
        let increment = properties::increment_of(self.name());
        let [dataset, staging, increment] =
            properties::get_with_children([self.name(), &self.staging_name(), &increment])?;
        let can_go_on = dataset
            .as_ref()
            .is_some_and(|dataset| dataset.value("receive_resume_token").is_some());
        let seen = Seen {
            dataset,
            staging,
            is_receiving: increment.is_some() && !can_go_on,
        };
        self.seen.replace(Some(seen.clone()));
        Ok(seen)
    }

    /// What the last look showed, if nothing was renamed since; else what a look shows now.
    fn seen(&self) -> Result<Seen> {
        let seen = self.seen.borrow().clone();
        seen.map_or_else(|| self.look(), Ok)
    }

    /// The dataset's name.
    fn name(&self) -> &str {
        self.dataset.name.as_str()
    }

    /// The dataset in which restores are staged.
    fn staging_name(&self) -> String {
        self.beside(&kept::staging(self.leaf()))
    }

    fn leaf(&self) -> &str {
        self.name().rsplit('/').next().unwrap_or_default()
    }

    /// The name of a dataset beside this one.
    fn beside(&self, leaf: &str) -> String {
        match self.name().rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/{leaf}"),
            None => leaf.to_owned(),
        }
    }
}

impl Storage for Zfs<'_> {
    fn apply(&self, applied: &mut Applied) -> Result<()> {
        apply::apply(self, applied)
    }

    fn observe(&self) -> Result<Observation> {
        let seen = self.look()?;
        let left_over = staging::left_over(seen.staging.as_ref());
        let Some(properties) = seen.dataset else {
            call::pool_must_be_imported(self.name())?;
            return Ok(Observation {
                place: Place::Missing,
                mark: MarkState::None,
                contents: Contents::default(),
                left_over,
            });
        };
        found::must_be_usable(&properties)?;
        let mark = properties.mark();
        if !matches!(mark, MarkState::Ours(_)) {
            // What is there now is not all that somebody brings.
            found::must_not_be_receiving(self)?;
        }
        let (place, contents) = if apply::is_mounted(self)? {
            let contents = Contents::of(&self.service.mountpoint, self.service)?;
            (Place::Mounted, contents)
        } else {
            (Place::Unmounted, Contents::default())
        };
        Ok(Observation {
            place,
            mark,
            contents,
            left_over,
        })
    }

    fn set_mark(&self, mark: &Mark) -> Result<()> {
        let Some(properties) = self.seen()?.dataset else {
            return Err(gone(self.name()));
        };
        mark_dataset(&properties, mark)
    }

    fn put_back_mark(&self, before: &MarkState) -> Result<()> {
        match before {
            MarkState::Ours(mark) => self.set_mark(mark),
            MarkState::None | MarkState::Foreign(_) => {
                call::zfs(&["inherit", PROPERTY, self.name()]).map(drop)
            }
        }
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        if let Some(snapshots) = snapshots_of(self.name())? {
            return Ok(snapshots);
        }
        call::pool_must_be_imported(self.name())?;
        Ok(Vec::new())
    }

    fn replica_snapshots(&self, replica: &Replica) -> Result<Vec<Snapshot>> {
        replica::snapshots(replica)
    }

    fn snapshot_contents(&self, snapshot: &Snapshot) -> Result<Contents> {
        inspect::mounted(&snapshot.name, |place| {
            Contents::of_copy(place, self.service)
        })
    }

    fn copy_paths(
        &self,
        snapshot: &Snapshot,
        paths: &[PathBuf],
        into: &Path,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        if let Some(found) = self.seen()?.dataset {
            found::must_stay_encrypted(&found, snapshot)?;
        }
        inspect::mounted(&snapshot.name, |place| {
            copy::copy(place, paths, into, self.service.stall_timeout, progress)
        })
    }

    fn rollback(&self, snapshot: &Snapshot) -> Result<()> {
        // Never with -r, -R or -f: `zfs rollback` itself then refuses if anything newer would be lost.
        call::zfs(&["rollback", &snapshot.name]).map_err(|error| {
            error.cured_by(
                "see what is newer than it with `zfs list -t snapshot,bookmark`; \
                 the tier `snapshot` restores without a rollback",
            )
        })?;
        // The directory itself is now as it was then.
        mountpoint::own(&self.service.mountpoint, self.service, &mut Vec::new())
    }

    fn must_be_writable(&self) -> Result<()> {
        found::must_not_be_receiving(self)?;
        match self.seen()?.dataset {
            Some(found) => found::must_be_writable(&found),
            None => Ok(()),
        }
    }

    fn must_be_replaceable(&self, origin: &Origin<'_>) -> Result<()> {
        found::must_be_replaceable(self, origin)
    }

    fn stage(
        &self,
        origin: &Origin<'_>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Staged> {
        staging::stage(self, origin, progress)
    }

    fn discard(&self, _staged: &Staged) -> Result<()> {
        staging::discard(self)
    }

    fn replace(&self, _staged: &Staged, mark: &Mark) -> Result<Option<Kept>> {
        let staged = swap::complete(self, mark)?;
        swap::swap(self, &staged, mark)
    }

    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>> {
        match left_over {
            LeftOver::Nothing => Ok(None),
            LeftOver::Incomplete | LeftOver::Unmarked => {
                staging::discard(self)?;
                Ok(Some(kept::thrown_away()))
            }
            LeftOver::Complete(mark) => {
                Ok(Some(kept::not_needed(mark, &swap::retire(self, mark)?)))
            }
        }
    }

    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>> {
        swap::resume(self)
    }
}

/// Writes a mark to a dataset with these properties, bound to its guid.
fn mark_dataset(properties: &Properties, mark: &Mark) -> Result<()> {
    let text = mark.bound_to(&properties.identity());
    call::zfs(&["set", &format!("{PROPERTY}={text}"), properties.dataset()]).map(drop)
}

/// The properties of a dataset that must be there.
fn existing(dataset: &str) -> Result<Properties> {
    properties::get(dataset)?.ok_or_else(|| gone(dataset))
}

fn gone(dataset: &str) -> Error {
    Error::new(
        dataset,
        "the dataset is gone",
        "see who removed it with `zpool history`, then start the service again",
    )
}

/// The snapshots of exactly this dataset, newest first; `None` if the dataset does not exist.
///
/// That is no answer about its pool: see [`call::pool_must_be_imported`].
fn snapshots_of(dataset: &str) -> Result<Option<Vec<Snapshot>>> {
    let args = [
        "list",
        "-H",
        "-p",
        "-t",
        "snapshot",
        "-d",
        "1",
        "-o",
        "createtxg,creation,referenced,name",
        dataset,
    ];
    let ended = call::try_zfs(&args)?;
    if call::says_missing(&ended) {
        return Ok(None);
    }
    if !ended.status.success() {
        return Err(call::failed(&args, &ended));
    }
    snapshots_in(&ended.stdout, dataset).map(Some)
}

/// The snapshots in the output of `zfs list -H -p -o createtxg,creation,referenced,name`, newest first.
pub(crate) fn snapshots_in(listing: &str, dataset: &str) -> Result<Vec<Snapshot>> {
    let mut snapshots = Vec::new();
    for line in listing.lines() {
        let unreadable = || {
            Error::new(
                dataset,
                format!(
                    "`zfs list` printed a line that cannot be read: `{}`",
                    line.escape_debug()
                ),
                "report this as a bug",
            )
        };
        let mut columns = line.splitn(4, '\t');
        let mut number = || {
            columns
                .next()
                .and_then(|column| column.parse::<u64>().ok())
                .ok_or_else(unreadable)
        };
        let (created, seconds, bytes) = (number()?, number()?, number()?);
        let name = columns.next().ok_or_else(unreadable)?.to_owned();
        let taken = i64::try_from(seconds)
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok())
            .ok_or_else(unreadable)?;
        snapshots.push((created, Snapshot { name, taken, bytes }));
    }
    // By transaction group: two snapshots of one second have an order, and clocks may jump.
    snapshots.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
    let snapshots = snapshots.into_iter().map(|(_, snapshot)| snapshot);
    Ok(snapshots.collect())
}
