//! A source elsewhere, which answers what a test tells it to.

pub(crate) mod late;

use std::time::Duration;

use ::storage::{Contents, Error, Origin, Result, Snapshot};
use declaration::settings::Service;
use declaration::value::TierName;

use super::storage::{contents_of, error};
use super::{EXPECTED, How, Snap, World};
use crate::failure::Failure;
use crate::source::{Bring, Elsewhere, Fill, Sample, Snapshots, Source};

/// What a source has and answers.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    /// Whether it can be asked.
    pub(crate) answers: bool,
    /// Its snapshots, newest first.
    pub(crate) snapshots: Vec<Snap>,
    /// Whether its list ends before its last snapshot, since the rest cannot be read.
    pub(crate) is_cut_short: bool,
    /// Whether something lies there that is filed under another name; `Failed`: that cannot be told.
    pub(crate) elsewhere: Filed,
}

/// What is filed under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filed {
    Nothing,
    Doubt,
    Unknown,
}

/// See the module.
pub(crate) struct FakeSource<'a> {
    pub(crate) world: &'a World,
    pub(crate) service: &'a Service,
    pub(crate) script: &'a Script,
}

fn failure(how: How, what: &str) -> Failure {
    let error = error(how, what);
    match how {
        How::Damaged => Failure::Snapshot(error),
        How::Unavailable => Failure::Unavailable(error),
        How::Failed | How::Well | How::Short => Failure::Source(error),
    }
}

impl FakeSource<'_> {
    fn snap(&self, snapshot: &Snapshot) -> &Snap {
        let mut all = self.script.snapshots.iter();
        all.find(|snap| snap.name == snapshot.name).unwrap()
    }
}

impl Source for FakeSource<'_> {
    fn tier(&self) -> TierName {
        if self.script.name.starts_with("replica ") {
            TierName::Snapshot
        } else {
            TierName::Restic
        }
    }

    fn name(&self) -> String {
        self.script.name.to_owned()
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        self.world.asked();
        if !self.script.answers {
            return Err(error(How::Unavailable, "does not answer"));
        }
        let all = self.script.snapshots.iter();
        let cut = usize::from(self.script.is_cut_short);
        let listed = all.take(self.script.snapshots.len().saturating_sub(cut));
        let rest = (cut == 1).then(|| Err(error(How::Unavailable, "the rest cannot be read")));
        Ok(Box::new(listed.map(|snap| Ok(snap.snapshot())).chain(rest)))
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.world.asked();
        self.world.looks.borrow_mut().push(snapshot.name.clone());
        let snap = self.snap(snapshot);
        match snap.look {
            How::Well => Ok(contents_of(&snap.files, self.service)),
            how => Err(failure(how, "cannot be looked into")),
        }
    }

    fn pause_between_drills(&self) -> Option<Duration> {
        self.world.pause_between_drills.get()
    }

    fn sample(&self, _snapshot: &Snapshot) -> Option<std::result::Result<Sample, Failure>> {
        self.world.sample.take().map(Ok)
    }

    fn list_again(&self, _failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        None
    }

    fn elsewhere(&self) -> Result<Elsewhere> {
        self.world.asked();
        match self.script.elsewhere {
            Filed::Nothing => Ok(Elsewhere::default()),
            Filed::Doubt => Ok(Elsewhere {
                doubt: Some(Error::new(self.script.name, "may be its data", "look")),
                remark: None,
            }),
            Filed::Unknown => Err(error(How::Unavailable, "cannot be told")),
        }
    }

    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        self.world.asked();
        let snap = self.snap(snapshot).clone();
        Ok(Bring::Staged {
            by: "restic",
            origin: Origin::Empty,
            fill: Fill::By(Box::new(move |directory, _| {
                // All but what is expected.
                let is_short = |name: &String| snap.fill == How::Short && name == EXPECTED;
                for (name, says) in snap.files.iter().filter(|(name, _)| !is_short(name)) {
                    std::fs::write(directory.join(name), says.to_string()).unwrap();
                    if !matches!(snap.fill, How::Well | How::Short) {
                        // In the middle of it.
                        return Err(failure(snap.fill, "cannot be restored"));
                    }
                }
                Ok(())
            })),
        })
    }
}
