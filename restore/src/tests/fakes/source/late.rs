//! A source that is not up at once.

use std::cell::Cell;

use ::storage::{Contents, Result, Snapshot};
use declaration::settings::Service;
use declaration::value::TierName;

use super::super::World;
use super::{FakeSource, Script};
use crate::failure::Failure;
use crate::source::{Bring, Snapshots, Source};

/// See the module.
pub(crate) struct Late {
    /// Which part it is the only source of.
    pub(crate) part: usize,
    script: Script,
    down: Script,
    /// How often it does not answer though the network is up.
    refusals: Cell<usize>,
}

impl Late {
    /// The only source of a part, which answers so once it is up; not so often though the network is up.
    pub(crate) fn of(part: usize, up: Script, refusals: usize) -> Self {
        Self {
            part,
            down: Script {
                answers: false,
                ..up.clone()
            },
            script: up,
            refusals: Cell::new(refusals),
        }
    }

    /// The source.
    pub(crate) fn source<'a>(
        &'a self,
        world: &'a World,
        service: &'a Service,
    ) -> Box<dyn Source + 'a> {
        let of = |script| FakeSource {
            world,
            service,
            script,
        };
        Box::new(LateSource {
            late: self,
            up: of(&self.script),
            down: of(&self.down),
        })
    }
}

struct LateSource<'a> {
    late: &'a Late,
    up: FakeSource<'a>,
    down: FakeSource<'a>,
}

impl Source for LateSource<'_> {
    fn tier(&self) -> TierName {
        self.up.tier()
    }

    fn name(&self) -> String {
        self.up.name()
    }

    fn needs_network(&self) -> bool {
        true
    }

    fn snapshots(&self) -> Result<Snapshots<'_>> {
        if !self.up.world.network_is_up.get() {
            return self.down.snapshots();
        }
        match self.late.refusals.get() {
            0 => self.up.snapshots(),
            left => {
                self.late.refusals.set(left - 1);
                self.down.snapshots()
            }
        }
    }

    fn contents(&self, snapshot: &Snapshot) -> std::result::Result<Contents, Failure> {
        self.up.contents(snapshot)
    }

    fn list_again(&self, failure: &Failure) -> Option<Result<Vec<Snapshot>>> {
        self.up.list_again(failure)
    }

    fn bring<'s>(&'s self, snapshot: &'s Snapshot) -> std::result::Result<Bring<'s>, Failure> {
        self.up.bring(snapshot)
    }
}
