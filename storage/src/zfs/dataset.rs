//! One service's dataset: its names, and what the last look at it showed.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use declaration::settings::{Dataset, Service};

use super::properties::{self, Properties};
use super::snapshots::snapshots_of;
use super::{call, version};
use crate::{Listed, MarkState, Result, kept};

/// For how long a list of snapshots will do where a newer one would only make ZFS refuse what comes next.
const JUST_NOW: Duration = Duration::from_secs(10);

/// One service's dataset.
pub(crate) struct Zfs<'a> {
    pub(super) service: &'a Service,
    pub(super) dataset: &'a Dataset,
    /// What the last look showed: each call of `zfs` takes its time, and the steps after it need not ask again.
    pub(super) seen: RefCell<Option<Seen>>,
    /// Whether only a drill is staged: beside the staging of restores, and never swapped in.
    pub(super) is_drill: bool,
    /// What this run has put in its place since: its identity and mark.
    pub(super) placed: RefCell<Option<(String, MarkState)>>,
    /// What is declared and could not be set since that was last asked, in words.
    pub(super) not_set: RefCell<Vec<String>>,
    /// Its own snapshots, and when they were listed.
    listed: RefCell<Option<(Instant, Vec<Listed>)>>,
}

/// What one look at a service's datasets showed.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The dataset; `None` if there is none.
    pub(super) dataset: Option<Properties>,
    /// What stands where its restores are staged.
    pub(super) staging: Option<Properties>,
    /// Whether somebody receives an increment into it just now, which is given up if it is interrupted.
    pub(super) is_receiving: bool,
}

impl<'a> Zfs<'a> {
    pub(crate) fn new(service: &'a Service, dataset: &'a Dataset) -> Self {
        call::wait_at_most(service.stall_timeout);
        Self {
            service,
            dataset,
            seen: RefCell::new(None),
            is_drill: false,
            placed: RefCell::new(None),
            not_set: RefCell::default(),
            listed: RefCell::new(None),
        }
    }

    /// The same, for a drill.
    pub(crate) fn for_a_drill(service: &'a Service, dataset: &'a Dataset) -> Self {
        Self {
            is_drill: true,
            ..Self::new(service, dataset)
        }
    }

    /// Looks at the dataset and at the staging, in one call of `zfs`.
    pub(super) fn look(&self) -> Result<Seen> {
        let increment = properties::increment_of(self.name());
        let declared = self.dataset.properties.keys().map(String::as_str);
        let declared: Vec<&str> = declared
            .filter(|name| version::is_known(&self.dataset.name, name))
            .collect();
        let datasets = [self.name(), &self.staging_name(), &increment];
        let [dataset, staging, increment] =
            properties::get_more_with_children(datasets, &declared)?;
        let can_go_on = dataset
            .as_ref()
            .is_some_and(|dataset| dataset.value("receive_resume_token").is_some());
        let seen = Seen {
            dataset,
            staging,
            is_receiving: increment.is_some() && !can_go_on,
        };
        self.seen.replace(Some(seen.clone()));
        self.placed.replace(None);
        Ok(seen)
    }

    /// Looks at them where it counts whether the dataset is missing.
    ///
    /// # Errors
    /// When its pool is not imported, or it cannot be looked.
    pub(super) fn look_in_its_pool(&self) -> Result<Seen> {
        let look = || Ok(Some(self.look()?).filter(|seen| seen.dataset.is_some()));
        // If it is missing, the last look showed what else is there.
        call::in_its_pool(self.name(), look)?.map_or_else(|| self.seen(), Ok)
    }

    /// What the last look showed, if nothing was renamed since; else what a look shows now.
    pub(super) fn seen(&self) -> Result<Seen> {
        let seen = self.seen.borrow().clone();
        seen.map_or_else(|| self.look(), Ok)
    }

    /// The snapshots of exactly this dataset, newest first, as they were listed just now; `None` if it does not exist.
    pub(super) fn listed(&self) -> Result<Option<Vec<Listed>>> {
        if let Some((when, listed)) = &*self.listed.borrow()
            && when.elapsed() < JUST_NOW
        {
            return Ok(Some(listed.clone()));
        }
        self.list()
    }

    /// The same, as they are now.
    pub(super) fn list(&self) -> Result<Option<Vec<Listed>>> {
        let listed = snapshots_of(self.name())?;
        let now = listed.clone().map(|listed| (Instant::now(), listed));
        self.listed.replace(now);
        Ok(listed)
    }

    /// The dataset's name.
    pub(super) fn name(&self) -> &str {
        self.dataset.name.as_str()
    }

    /// The dataset in which restores, or a drill, are staged.
    pub(super) fn staging_name(&self) -> String {
        let leaf = self.leaf();
        self.beside(&if self.is_drill {
            kept::drill(leaf)
        } else {
            kept::staging(leaf)
        })
    }

    /// The copy of it that checks are run on.
    pub(super) fn check_name(&self) -> String {
        let leaf = self.leaf();
        self.beside(&if self.is_drill {
            kept::drill_check(leaf)
        } else {
            kept::check(leaf)
        })
    }

    pub(super) fn leaf(&self) -> &str {
        self.name().rsplit('/').next().unwrap_or_default()
    }

    /// The name of a dataset beside this one.
    pub(super) fn beside(&self, leaf: &str) -> String {
        match self.name().rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/{leaf}"),
            None => leaf.to_owned(),
        }
    }
}
