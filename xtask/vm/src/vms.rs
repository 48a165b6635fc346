//! Virtual machines that have the current build installed.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{fs, thread};

use product::binaries::Binaries;
use scenario::Machines;
use scenario::facts::Facts;

use crate::guest::{Begin, Guest, Parts, Unflushed};
use crate::kind::{Kind, cache};
use crate::machine::Machine;
use crate::prepared_machine::PreparedMachine;
use crate::{payload, recipe, sanoid};
use product::cache::{Cache, Scratch};

/// The disk with the current build, in a directory of ours.
const PAYLOAD: &str = "payload";

/// Machines with the current build in them.
pub struct Vms {
    /// Where its machines are.
    runs: Cache,
    guest: Box<dyn Guest>,
    scratch: Scratch,
    /// What its machines have installed: another word for another build.
    build: String,
}

impl Vms {
    /// Builds the guest if need be, which takes minutes, and packs what `built` says.
    ///
    /// # Errors
    /// Something is missing, or the guest cannot be built.
    pub fn open(built: &Binaries, kind: Kind) -> anyhow::Result<Self> {
        let cache = cache()?;
        let guest = kind.build(&cache)?;
        let in_memory = match kind {
            Kind::Quick => Cache::in_memory()?,
            Kind::Trixie | Kind::Bookworm => None,
        };
        let runs = in_memory.map_or_else(Cache::open, Ok)?;
        runs.clean_up_on_signals()?;
        let scratch = runs.scratch()?;
        let directory = scratch.path();
        let root = directory.join("root");
        sanoid::copy_into(&cache, &root)?;
        let build = payload::pack(built, &root, &directory.join(PAYLOAD))?;
        Ok(Self {
            runs,
            guest,
            scratch,
            build,
        })
    }

    /// What its machines are called.
    pub fn name(&self) -> &str {
        self.guest.name()
    }

    fn payload(&self) -> PathBuf {
        self.scratch.path().join(PAYLOAD)
    }

    /// A fresh machine: booted, pools `tank` and `vault` imported, preseed installed, nothing
    /// declared.
    ///
    /// # Errors
    /// It does not start.
    pub fn machine(&self) -> anyhow::Result<Machine<'_>> {
        Machine::begin(
            &self.runs,
            &*self.guest,
            self.payload(),
            Begin::Fresh,
            Unflushed::Kept,
        )
    }

    /// Lets fresh machines begin in less time, which pays if there are to be many.
    ///
    /// # Errors
    /// It cannot be prepared.
    pub(crate) fn unpack(&self) -> anyhow::Result<()> {
        let scratch = self.runs.scratch()?;
        let payload = self.payload();
        let parts = Parts {
            directory: scratch.path(),
            payload: &payload,
            unflushed: Unflushed::Kept,
        };
        let made = scratch.path().join("made");
        fs::create_dir(&made)?;
        self.guest.unpack(&parts, &made)?;
        Ok(fs::rename(made, parts.unpacked())?)
    }

    /// A machine that `script`, a stage, has prepared, from which many begin.
    pub(crate) fn prepare(&self, name: &str, script: &str) -> anyhow::Result<PreparedMachine> {
        PreparedMachine::prepare(&self.runs, &*self.guest, self.payload(), name, script)
    }

    /// The same, kept for later runs with this build.
    pub(crate) fn prepare_to_keep(
        &self,
        kind: &str,
        script: &str,
    ) -> anyhow::Result<PreparedMachine> {
        let prepare = || self.prepare(kind, script);
        let key = recipe::key(&[self.guest.key(), &self.build, script], &[])?;
        PreparedMachine::cached(&Cache::open()?, &*self.guest, kind, &key, prepare)
    }

    pub(crate) fn machine_from(
        &self,
        prepared: &PreparedMachine,
        unflushed: Unflushed,
    ) -> anyhow::Result<Machine<'_>> {
        prepared.machine(&self.runs, &*self.guest, self.payload(), unflushed)
    }

    /// Does `work` for each of `all`, for as many at a time as there are machines. Gives what comes of it in their order.
    pub(crate) fn side_by_side<T: Sync, R: Send>(
        &self,
        all: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        let work_on = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = all.get(number) else { break };
                let result = work(one);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.insert(number, result);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.machines().jobs {
                scope.spawn(work_on);
            }
            work_on();
        });
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.into_values().collect()
    }

    /// What scenarios may need of its machines, and they have.
    pub(crate) fn facts(&self) -> &Facts {
        self.guest.facts()
    }

    /// Whether its machines boot in so little time that several scenarios are begun from one that is prepared.
    pub(crate) fn boot_quickly(&self) -> bool {
        self.guest.boots_quickly()
    }

    /// How what it takes compares with hardware, in a sentence.
    pub fn how_quick(&self) -> &str {
        self.guest.how_quick()
    }

    /// Whether its machines can lose what they have written and not flushed.
    pub(crate) fn can_lose_unflushed(&self) -> bool {
        self.guest.can_lose_unflushed()
    }

    /// What its machines have installed: another word for another build.
    pub(crate) fn build_key(&self) -> &str {
        &self.build
    }

    /// Cuts a machine's power and keeps its disks, in a directory of this name beside what is built. Gives the directory.
    pub(crate) fn keep_disks(
        &self,
        mut machine: Machine<'_>,
        name: &str,
    ) -> anyhow::Result<PathBuf> {
        machine.kill()?;
        Cache::open()?.keep(&self.guest.disks_of(machine.directory()), name)
    }

    /// A machine with copies of the disks that were kept in `directory`, switched on.
    pub(crate) fn machine_with_disks(&self, directory: &Path) -> anyhow::Result<Machine<'_>> {
        let begin = Begin::Disks(directory);
        let mut machine = Machine::begin(
            &self.runs,
            &*self.guest,
            self.payload(),
            begin,
            Unflushed::Kept,
        )?;
        machine.await_boot()?;
        Ok(machine)
    }

    /// As many machines at a time as the processors and the memory, 2 GB each, can hold.
    pub fn machines(&self) -> Machines<'_> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"))
            .and_then(|kilobytes| kilobytes.trim().parse::<usize>().ok());
        let jobs = self.guest.jobs(processors);
        Machines {
            kind: self.name(),
            jobs: jobs.min(available.unwrap_or(0) >> 21).clamp(1, 4),
            until: None,
            room: None,
        }
    }
}
