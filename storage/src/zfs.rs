//! A service's ZFS dataset.

mod admins;
mod apply;
pub(crate) mod as_found;
mod aside;
pub(crate) mod backup_snapshot;
mod call;
mod children;
mod create;
pub(crate) mod damage;
mod delegations;
mod elsewhere;
mod half_created;
mod half_done;
mod inspect;
mod kinds;
pub(crate) mod listing;
pub(crate) mod memory;
mod mount;
mod names;
mod objset;

mod program;
mod promote;
mod properties;
mod quotas;
mod receive;
mod refusals;
pub(crate) mod replaced;
mod replica;
mod rollback;
mod shut;
mod staging;
mod swap;
mod trial;
mod withdraw;
mod words;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use declaration::settings::{Dataset, Replica, Service};
use jiff::Timestamp;

use crate::mark::{PROPERTY, Stage};
use crate::{
    Applied, Contents, Error, ErrorKind, InPlace, Kept, LeftOver, Mark, MarkState, NotRolledBack,
    Observation, Origin, Presence, Result, Seal, Since, Snapshot, Snapshots, Staged, Staging,
    Storage, Trial, copy, kept,
};
use half_done::Listed;
use properties::Properties;

/// For how long a list of snapshots will do where a newer one would only make ZFS refuse what comes next.
const JUST_NOW: Duration = Duration::from_secs(10);

/// One service's dataset.
pub(crate) struct Zfs<'a> {
    service: &'a Service,
    dataset: &'a Dataset,
    /// What the last look showed: each call of `zfs` takes its time, and the steps after it need not ask again.
    seen: RefCell<Option<Seen>>,
    /// Its own snapshots, and when they were listed.
    listed: RefCell<Option<(Instant, Vec<Listed>)>>,
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
            listed: RefCell::new(None),
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

    /// The snapshots of exactly this dataset, newest first, as they were listed just now; `None` if it does not exist.
    fn listed(&self) -> Result<Option<Vec<Listed>>> {
        if let Some((when, listed)) = &*self.listed.borrow()
            && when.elapsed() < JUST_NOW
        {
            return Ok(Some(listed.clone()));
        }
        self.list()
    }

    /// The same, as they are now.
    fn list(&self) -> Result<Option<Vec<Listed>>> {
        let listed = snapshots_of(self.name())?;
        let now = listed.clone().map(|listed| (Instant::now(), listed));
        self.listed.replace(now);
        Ok(listed)
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
    fn with_snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }
}

impl InPlace for Zfs<'_> {
    fn apply(&self, applied: &mut Applied) -> Result<()> {
        apply::apply(self, applied)
    }

    fn must_be_applicable(&self) -> Result<()> {
        apply::must_be_applicable(self)
    }

    fn observe(&self) -> Result<Observation> {
        let seen = self.look()?;
        let left_over = staging::left_over(seen.staging.as_ref());
        let Some(properties) = seen.dataset else {
            call::pool_must_be_imported(self.name())?;
            return Ok(Observation {
                presence: Presence::Missing,
                mark: MarkState::None,
                contents: Contents::default(),
                left_over,
            });
        };
        refusals::must_be_usable(&properties)?;
        let mark = properties.mark();
        if !matches!(mark, MarkState::Ours(_)) {
            // What is there now is not all that somebody brings.
            refusals::must_not_be_receiving(self)?;
        }
        let (presence, contents) = if apply::is_mounted(self)? {
            let contents = Contents::of(&self.service.mountpoint, self.service)?;
            children::must_not_pass_for_data(self, &properties, &contents)?;
            (Presence::Mounted, contents)
        } else {
            (Presence::Unmounted, Contents::default())
        };
        Ok(Observation {
            presence,
            mark,
            contents,
            left_over,
        })
    }

    fn identity(&self) -> Result<Option<(String, MarkState)>> {
        let found = self.seen()?.dataset;
        Ok(found.map(|found| (found.identity(), found.mark())))
    }

    fn set_mark(&self, mark: &Mark) -> Result<()> {
        let Some(properties) = self.seen()?.dataset else {
            return Err(gone(self.name()));
        };
        let mark = mark.of_service(self.service.name.as_str());
        let ends_a_rollback = mark.stage == Stage::Seeded
            && matches!(properties.mark(), MarkState::Ours(before) if before.stage == Stage::Seeding);
        if ends_a_rollback {
            // It was interrupted before this.
            quotas::wanted(&properties)?.set_on(self.name())?;
        }
        mark_dataset(self, &properties, &mark)?;
        if ends_a_rollback {
            quotas::forget_on(self.name())?;
        }
        Ok(())
    }

    fn must_be_writable(&self) -> Result<()> {
        refusals::must_not_be_receiving(self)?;
        match self.seen()?.dataset {
            Some(found) => refusals::must_be_writable(&found),
            None => Ok(()),
        }
    }
}

impl Snapshots for Zfs<'_> {
    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        if let Some(mut snapshots) = self.list()? {
            snapshots.extend(promote::snapshots_to_come(self)?);
            return half_done::without(self, self.name(), snapshots);
        }
        call::pool_must_be_imported(self.name())?;
        Ok(Vec::new())
    }

    fn owns(&self, snapshot: &Snapshot) -> bool {
        snapshot.name.split_once('@').map(|(of, _)| of) == Some(self.name())
    }

    fn replica_snapshots(&self, replica: &Replica) -> Result<Vec<Snapshot>> {
        let snapshots = replica::snapshots(replica)?;
        half_done::without(self, replica.parent.as_str(), snapshots)
    }

    fn replicas_elsewhere(&self, replica: &Replica) -> Result<Vec<Snapshot>> {
        let snapshots = replica::elsewhere(replica)?;
        half_done::without(self, replica.parent.as_str(), snapshots)
    }

    fn snapshot_contents(&self, snapshot: &Snapshot) -> Result<Contents> {
        let service = self.service;
        inspect::mounted(&snapshot.name, |place| Contents::of_copy(place, service))
    }

    fn copy_paths(
        &self,
        snapshot: &Snapshot,
        paths: &[PathBuf],
        staged: &Staged,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        if let Some(found) = self.seen()?.dataset {
            refusals::must_stay_encrypted(&found, snapshot)?;
        }
        let stall = self.service.stall_timeout;
        let mut copy = || {
            inspect::both(&snapshot.name, &staged.name, |from, into| {
                copy::copy(from, paths, into, stall, progress)
            })
        };
        match copy() {
            Err(first) if copy::could_not_read(&first) => match copy() {
                Err(again) if copy::could_not_read(&again) => {
                    Err(damage::judged(&snapshot.name, again))
                }
                copied => copied,
            },
            copied => copied,
        }
    }

    fn rollback(&self, snapshot: &Snapshot, mark: &Mark) -> std::result::Result<(), NotRolledBack> {
        let mark = mark.of_service(self.service.name.as_str());
        rollback::rollback(self, snapshot, &mark)
    }
}

impl Staging for Zfs<'_> {
    fn inside(&self, _staged: &Staged, work: &mut (dyn FnMut(&Path) + Send)) -> Result<()> {
        staging::inside(self, |staged| {
            work(staged);
            Ok(())
        })
    }

    fn try_out(&self, staged: &Staged, work: &mut (dyn FnMut(&Trial) + Send)) -> Result<()> {
        trial::try_out(self, staged, work)
    }

    fn must_be_replaceable(&self, origin: &Origin<'_>) -> Result<()> {
        refusals::must_be_replaceable(self, origin)
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

    fn replace(&self, _staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<Option<Kept>> {
        let mark = &mark.of_service(self.service.name.as_str());
        let staged = swap::complete(self, mark, taken)?;
        swap::swap(self, &staged, mark)
    }

    fn seal(&self) -> Result<(Option<Seal>, Since)> {
        let seen = self.seen()?;
        let Some(seal) = seen.staging.as_ref().and_then(swap::seal_of) else {
            return Ok((None, Since::Other));
        };
        let place = self.service.mountpoint.as_path();
        let now = seen.dataset.map(|dataset| (dataset.identity(), place));
        let since = seal.since(now)?;
        Ok((Some(seal), since))
    }

    fn put_aside(&self, mark: &Mark) -> Result<Kept> {
        swap::retire(self, mark)
    }

    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>> {
        match left_over {
            LeftOver::Nothing => Ok(None),
            LeftOver::Incomplete | LeftOver::Unmarked => {
                staging::discard(self)?;
                Ok(Some(kept::thrown_away()))
            }
            LeftOver::Complete(mark) => Ok(Some(kept::not_needed(mark, &self.put_aside(mark)?))),
        }
    }

    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>> {
        swap::resume(self)
    }

    fn settle_later(&self, applied: &mut Applied) -> Result<()> {
        promote::later(self, applied)
    }
}

/// Writes a mark to the service's dataset, which has these properties, bound to its guid. It goes on saying what is to be done.
fn mark_dataset(zfs: &Zfs<'_>, properties: &Properties, mark: &Mark) -> Result<()> {
    let stage = match mark.stage {
        Stage::Seeded => promote::seeded(zfs, properties),
        other => other,
    };
    let text = mark.at_stage(stage).bound_to(&properties.identity());
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
    .of_kind(ErrorKind::Gone)
}

/// The snapshots of exactly this dataset, newest first; `None` if the dataset does not exist.
///
/// That is no answer about its pool: see [`call::pool_must_be_imported`].
fn snapshots_of(dataset: &str) -> Result<Option<Vec<Listed>>> {
    let args = [
        "list",
        "-H",
        "-p",
        "-t",
        "snapshot",
        "-d",
        "1",
        "-o",
        "createtxg,guid,creation,referenced,name",
        dataset,
    ];
    let ended = call::try_zfs(&args)?;
    if words::says_missing(&ended) {
        return Ok(None);
    }
    if !ended.status.success() {
        return Err(call::failed(&args, &ended));
    }
    snapshots_in(&ended.stdout, dataset).map(Some)
}

/// The snapshots in the output of `zfs list -H -p -o createtxg,guid,creation,referenced,name`, newest first.
pub(crate) fn snapshots_in(listing: &str, dataset: &str) -> Result<Vec<Listed>> {
    let mut snapshots = Vec::new();
    for line in listing.lines() {
        let unreadable = || {
            Error::internal(
                dataset,
                format!(
                    "`zfs list` printed a line that cannot be read: `{}`",
                    line.escape_debug()
                ),
            )
        };
        let mut columns = line.splitn(5, '\t');
        let mut number = || {
            columns
                .next()
                .and_then(|column| column.parse::<u64>().ok())
                .ok_or_else(unreadable)
        };
        let (created, guid, seconds, bytes) = (number()?, number()?, number()?, number()?);
        let name = columns.next().ok_or_else(unreadable)?.to_owned();
        let taken = i64::try_from(seconds)
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok())
            .ok_or_else(unreadable)?;
        snapshots.push(Listed {
            guid,
            created,
            snapshot: Snapshot { name, taken, bytes },
        });
    }
    // By transaction group: two snapshots of one second have an order, and clocks may jump.
    snapshots.sort_by_key(|listed| std::cmp::Reverse(listed.created));
    Ok(snapshots)
}
