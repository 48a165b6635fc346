//! One storage that a restore replaced: what is known of it, what keeps it, and how it goes.

use std::path::Path;
use std::time::Duration;

use declaration::settings::{KeepReplaced, Service, Storage};

use crate::directory::kept_directory::KeptDirectory;
use crate::kept::{self, Note};
use crate::namespaces::Machine;
use crate::zfs::{holds, kept_dataset, kept_record};
use crate::{Error, ErrorKind, Result, uptime};

/// Storage that a restore replaced.
#[derive(Debug, Clone)]
pub struct Replaced {
    /// Its full name: a dataset, or an absolute path.
    pub name: String,
    /// The dataset or directory it was until then.
    pub of: String,
    /// Whether what replaced it is there.
    pub has_successor: bool,
    /// When it was replaced, and why.
    pub note: Note,
    /// Whether root noted that: else somebody else may have, and nothing goes for it.
    pub(crate) is_known: bool,
    /// The bytes that are free once it is released.
    pub bytes: u64,
    /// The names of its snapshots, which go with it, without the dataset's.
    pub snapshots: Vec<String>,
    pub(crate) kept_in: KeptIn,
    /// Who uses it, or why that cannot be told, and what to do; `None` if nobody does.
    pub(crate) in_use: Option<(String, String)>,
}

/// Where it lies.
#[derive(Debug, Clone)]
pub(crate) enum KeptIn {
    /// The dataset with this guid, which has a child or snapshots that somebody needs.
    Dataset(u64, InTheWay),
    /// A directory, held.
    Directory(KeptDirectory),
}

/// What keeps a dataset from being destroyed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InTheWay {
    /// A dataset below it.
    pub(crate) child: Option<String>,
    /// A snapshot that somebody else holds.
    pub(crate) held: Option<String>,
    /// A snapshot and its clones.
    pub(crate) cloned: Option<(String, String)>,
    /// A bookmark, which keeps nobody from destroying it, but tells that somebody sends it elsewhere.
    pub(crate) bookmark: Option<String>,
}

/// Whether something that is kept goes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Its time is over.
    Now,
    /// Once it has been kept for so much longer, while the machine is up and the data is there without it.
    In(Duration),
    /// Never, and why, in words.
    Never(String),
}

impl Replaced {
    /// The service among these whose storage it was; `None` if none of them is.
    pub fn service<'a>(&self, services: &'a [Service]) -> Option<&'a Service> {
        services.iter().find(|service| match &service.storage {
            Storage::Zfs(dataset) => dataset.name.as_str() == self.of,
            Storage::Directory => {
                matches!(self.kept_in, KeptIn::Directory(_))
                    && service.mountpoint.value == Path::new(&self.of)
            }
        })
    }

    /// Whether it is a copy that a restore threw away, while somebody used it.
    #[must_use]
    pub fn is_thrown_away(&self) -> bool {
        self.is_known && self.note.is_thrown_away()
    }

    /// Whether it goes by itself, and when.
    pub fn due(&self, service: Option<&Service>) -> Due {
        let Some(service) = service else {
            return Due::Never("its service is not declared".to_owned());
        };
        let KeepReplaced::For(time) = service.keep_replaced else {
            return Due::Never("keep-replaced is \"forever\"".to_owned());
        };
        if self.is_thrown_away() {
            return Due::Now;
        }
        if self.note.at.is_none() {
            return Due::Never("when it was replaced is not known".to_owned());
        }
        match time.checked_sub(self.note.age) {
            Some(left) if !left.is_zero() => Due::In(left),
            _ => Due::Now,
        }
    }

    /// Whether it has been kept for a day and provably holds nothing: no file in it nor in any of its snapshots, and nobody
    /// holds, cloned or bookmarked one. Such a one need not be kept for longer.
    ///
    /// # Errors
    /// When that cannot be told. That is never "nothing".
    pub fn is_needless(&self) -> Result<bool> {
        if self.note.age < uptime::DAY || self.in_use.is_some() {
            return Ok(false);
        }
        match &self.kept_in {
            KeptIn::Dataset(_, in_the_way) if *in_the_way == InTheWay::default() => {
                kept_dataset::holds_nothing(&self.name, &self.snapshots)
            }
            KeptIn::Dataset(..) => Ok(false),
            KeptIn::Directory(directory) => directory.holds_nothing(),
        }
    }

    /// Counts its age on: `counts` says whether its successor holds the data and its service is not kept down. The time since
    /// the last look counts if that was so then and is so now.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn count(&mut self, counts: bool) -> Result<()> {
        if self.note.at.is_none() || (!counts && self.note.counted.is_none()) {
            return Ok(());
        }
        let note = self.note.counted_at(&uptime::now()?, counts);
        match &self.kept_in {
            // It was brought back and replaced again since it was listed.
            KeptIn::Dataset(guid, _)
                if kept_record::read(*guid)
                    .is_some_and(|now| self.is_known && now.at != note.at) =>
            {
                return Ok(());
            }
            KeptIn::Dataset(guid, _) => kept_record::write(*guid, &note)?,
            KeptIn::Directory(directory) => directory.write_note(&note)?,
        }
        self.note = note;
        Ok(())
    }

    /// What keeps it from being released, with what to do about it; `None` if nothing does.
    pub fn obstacle(&self, is_declared: bool) -> Option<Error> {
        let because = |what: String, help: String| {
            Some(Error::new(&self.name, what, help).of_kind(ErrorKind::Busy))
        };
        if is_declared && !self.has_successor && !self.is_thrown_away() {
            return because(
                format!("it may be the only copy: {} is not there", self.of),
                "start its service, so that its data is restored, then release it".to_owned(),
            );
        }
        if let KeptIn::Dataset(_, in_the_way) = &self.kept_in {
            if let Some(child) = &in_the_way.child {
                return because(
                    format!("it has a child dataset ({child})"),
                    format!(
                        "rename it out with `zfs rename {child} …`, or destroy it, then release again"
                    ),
                );
            }
            if let Some(snapshot) = &in_the_way.held {
                return because(
                    format!("somebody holds its snapshot {snapshot}"),
                    format!(
                        "see who with `zfs holds {snapshot}`, let go with `zfs release`, then release again"
                    ),
                );
            }
            if let Some((snapshot, clones)) = &in_the_way.cloned {
                // To destroy that clone is no advice: it is the service's data.
                if clones.split(',').any(|clone| clone == self.of) {
                    return because(
                        format!("{} is still a clone of its snapshot {snapshot}", self.of),
                        format!(
                            "end who sends or receives from {snapshot}, `zfs promote {}`, then release again",
                            self.of
                        ),
                    );
                }
                return because(
                    format!("{clones} was cloned from its snapshot {snapshot}"),
                    format!(
                        "`zfs promote` the clone, or destroy it, then release again ({clones})"
                    ),
                );
            }
        }
        let (who, help) = self.in_use.clone()?;
        because(who, help)
    }

    /// The snapshot of it that we hold as the last good one, if its successor has none that we hold; `None`: there is no such.
    ///
    /// # Errors
    /// When that cannot be told. That is never "none".
    pub fn last_good(&self) -> Result<Option<String>> {
        match &self.kept_in {
            KeptIn::Dataset(..) if !self.snapshots.is_empty() => {
                let held = holds::held(&self.name)?.pop();
                Ok(match held {
                    Some(held) if holds::held(&self.of)?.is_empty() => Some(held),
                    _ => None,
                })
            }
            _ => Ok(None),
        }
    }

    /// Removes it for good, all of it or, where somebody has begun to use it meanwhile, nothing of it.
    ///
    /// # Errors
    /// When it cannot be removed. [`Replaced::obstacle`] says so beforehand, with who needs it.
    pub fn release(&self) -> Result<()> {
        match &self.kept_in {
            KeptIn::Dataset(guid, _) if self.snapshots.is_empty() => {
                kept_dataset::destroy(&self.name, *guid)
            }
            KeptIn::Dataset(guid, _) => {
                holds::without_ours(&self.name, || kept_dataset::destroy(&self.name, *guid))
            }
            KeptIn::Directory(directory) => directory.remove(),
        }
    }
}

/// Removes those of `listed` that `of` (a dataset, or an absolute path) was to be replaced by and was not, unless somebody
/// uses one or has snapshots of it. What cannot be removed stays: then there are two.
pub(crate) fn remove_unused(listed: &[Replaced], of: &str) {
    let unused = listed
        .iter()
        .filter(|one| one.of == of && one.is_known && one.note.why == kept::UNUSED)
        .filter(|one| one.snapshots.is_empty());
    for one in unused {
        if one.obstacle(false).is_none() {
            let _ = one.release();
        }
    }
}

/// Why it cannot be told whether something that no mount shows is in use, with what to do about it; `None` if it can.
pub(crate) fn unknown(machine: &Machine) -> Option<(String, String)> {
    let help = |help: &str| format!("{help}, then release again");
    if let Some(first) = machine.unknown.first() {
        return Some((
            format!("whether somebody uses it cannot be told: {first} cannot be looked at"),
            help("see that we run as root, with CAP_SYS_PTRACE"),
        ));
    }
    let first = machine.pinned.first()?;
    Some((
        format!("whether somebody uses it cannot be told: {first}"),
        help("`umount` that file if it is needed no more"),
    ))
}
