//! The quick guest: the same Debian root on a user-mode Linux with ZFS. Nothing is emulated, so ZFS's own work and boots
//! take a fraction of the time. Its kernel is not the users' kernel: see the emulated guest for that.

mod disks;
mod kernel;
mod linux;
mod processors;
mod write_cache;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use self::disks::{DISKS, file};
use self::kernel::Kernel;
use self::linux::{KERNEL, Linux};
use self::processors::Processors;
use crate::agent::{Agent, End};
use crate::guest::{BOOT, Begin, Guest, Parts, Power, Unflushed, check};
use crate::payload;
use crate::recipe::{self, Release, succeed};
use crate::root::{DISK_SIZE, Root};
use product::cache::{Cache, Entry, copy};
use scenario::facts::{self, Facts};

/// Its name in the cache.
const KIND: &str = "quick";

/// What makes the booted guest ready for a scenario.
const PREPARE: &str = "
set -eu
systemctl is-system-running --wait
zpool create -O mountpoint=none tank /dev/ubdb
zpool create -O mountpoint=none vault /dev/ubdc
zpool sync
sync
";

/// Unpacks the current build before anything else runs.
const UNPACK: &[&str] = &[
    "rw",
    "init=/usr/lib/preseed-vm/unpack",
    "systemd.unit=vm-idle.target",
];

/// Unpacks it, and switches the machine off.
const ONLY_UNPACK: &[&str] = &["rw", "init=/usr/lib/preseed-vm/unpack", "only"];

/// Boots.
const BOOT_UP: &[&str] = &["ro", "init=/usr/lib/preseed-vm/init"];

/// Boots without what starts services: what a kept machine has lost is not restored before it is told to.
const IDLE: &[&str] = &[
    "ro",
    "init=/usr/lib/preseed-vm/init",
    "systemd.unit=vm-idle.target",
];

/// The built guest.
#[derive(Debug)]
pub(crate) struct Quick {
    kernel: Kernel,
    entry: Entry,
    facts: Facts,
    processors: Processors,
}

impl Quick {
    /// The cached guest, built if need be: half an hour on two processors.
    ///
    /// # Errors
    /// It cannot be built, or does not boot.
    pub(crate) fn open(cache: &Cache) -> anyhow::Result<Self> {
        let kernel = Kernel::open(cache)?;
        let root = Root::open(cache, Release::Trixie)?;
        let key = Self::key()?;
        let processors = Processors::new();
        let entry = cache.entry(KIND, &key, |directory| {
            eprintln!("building the quick machine, once: less than a minute");
            root.image(
                &kernel.modules()?,
                "quick",
                Some("quick.sh"),
                Command::new("mke2fs"),
                &directory.join(file("root")),
            )?;
            prepare(directory, &kernel, &processors)
        })?;
        let path = entry.join("facts");
        let facts = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self {
            kernel,
            entry,
            facts: Facts::read(&facts),
            processors,
        })
    }

    /// Whether it was built already.
    ///
    /// # Errors
    /// A file that says what it is built from cannot be read.
    pub(crate) fn is_built(cache: &Cache) -> anyhow::Result<bool> {
        Ok(cache.has(KIND, &Self::key()?) && cache.has("kernel", &Kernel::key()?))
    }

    fn key() -> anyhow::Result<String> {
        let (kernel, root) = (Kernel::key()?, Root::key()?);
        let mut words = vec![&*kernel, &*root, PREPARE, facts::SCRIPT, DISK_SIZE];
        words.extend(KERNEL);
        recipe::key(&words, &["quick", "quick.sh"])
    }

    fn linux(&self, parts: &Parts<'_>, words: &[&str]) -> anyhow::Result<(Linux, Agent)> {
        let seat = self.processors.seat();
        Linux::start(&self.kernel.image(), parts, words, seat)
    }

    fn booted(&self, parts: &Parts<'_>, words: &[&str]) -> anyhow::Result<(Box<dyn Power>, Agent)> {
        let (linux, mut agent) = self.linux(parts, words)?;
        agent
            .await_boot(BOOT)
            .with_context(|| format!("the machine does not boot:\n{}", linux.log()))?;
        let script = "systemctl is-system-running --wait >/dev/null || true";
        check(&mut agent, &linux, script, BOOT)?;
        Ok((Box::new(linux), agent))
    }
}

impl Guest for Quick {
    fn name(&self) -> &'static str {
        "quick"
    }

    fn key(&self) -> &str {
        self.entry.key()
    }

    fn how_quick(&self) -> &'static str {
        "It is user-mode Linux on one processor: programs run as on hardware, each of their system calls takes several times as long."
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn can_lose_unflushed(&self) -> bool {
        true
    }

    fn boots_quickly(&self) -> bool {
        true
    }

    fn disks_of(&self, directory: &Path) -> Vec<PathBuf> {
        DISKS.map(|disk| directory.join(file(disk))).to_vec()
    }

    fn jobs(&self, processors: usize) -> usize {
        processors
    }

    fn unpack(&self, parts: &Parts<'_>, to: &Path) -> anyhow::Result<()> {
        copy_disks(&self.entry.join(""), parts.directory)?;
        let (mut linux, _agent) = self.linux(parts, ONLY_UNPACK)?;
        linux.wait()?;
        disks::move_all(parts.directory, to)
    }

    fn start(
        &self,
        begin: Begin<'_>,
        parts: &Parts<'_>,
    ) -> anyhow::Result<(Box<dyn Power>, Agent)> {
        match begin {
            Begin::Fresh | Begin::ToKeep(_) if parts.unpacked().exists() => {
                copy_disks(&parts.unpacked(), parts.directory)?;
                self.booted(parts, IDLE)
            }
            Begin::Fresh | Begin::ToKeep(_) => {
                copy_disks(&self.entry.join(""), parts.directory)?;
                self.booted(parts, UNPACK)
            }
            Begin::Kept(from) => {
                copy_disks(from, parts.directory)?;
                self.booted(parts, IDLE)
            }
            Begin::Disks(from) => {
                copy_disks(from, parts.directory)?;
                self.start(Begin::PowerOn, parts)
            }
            Begin::PowerOn => {
                let (linux, agent) = self.linux(parts, BOOT_UP)?;
                Ok((Box::new(linux), agent))
            }
        }
    }
}

/// Copies all disks from one directory to another. User-mode Linux has layers of its own over a disk, but lost what
/// ZFS had flushed to one (7.2).
fn copy_disks(from: &Path, to: &Path) -> anyhow::Result<()> {
    copy(&DISKS.map(|disk| from.join(file(disk))), to)
}

/// Makes the pools, and notes what the guest has.
fn prepare(directory: &Path, kernel: &Kernel, processors: &Processors) -> anyhow::Result<()> {
    for disk in ["tank", "vault"] {
        let file = directory.join(file(disk));
        succeed(
            Command::new("truncate")
                .arg("--size")
                .arg(DISK_SIZE)
                .arg(file),
        )?;
    }
    let payload = directory.join("payload");
    payload::blank(&payload)?;
    let parts = Parts {
        directory,
        payload: &payload,
        unflushed: Unflushed::Kept,
    };
    let seat = processors.seat();
    let (mut linux, mut agent) = Linux::start(&kernel.image(), &parts, BOOT_UP, seat)?;
    let mut output = Vec::new();
    let mut facts = Vec::new();
    let end = agent
        .await_boot(BOOT)
        .and_then(|()| {
            let end = agent.run(PREPARE, BOOT, &mut output)?;
            agent.run(facts::SCRIPT, BOOT, &mut facts)?;
            Ok(end)
        })
        .with_context(|| format!("the guest does not boot:\n{}", linux.log()))?;
    if end != End::Exit(0) {
        let output = String::from_utf8_lossy(&output);
        bail!(
            "the guest is not ready: {end:?}:\n{output}\n{}",
            linux.log()
        );
    }
    fs::write(directory.join("facts"), facts).context("what the guest has")?;
    let off = agent.run("systemctl poweroff; sleep infinity\n", BOOT, &mut output)?;
    if off != End::MachineGone {
        bail!("the guest does not shut down: {off:?}:\n{}", linux.log());
    }
    linux.wait()?;
    for name in ["console", "payload"] {
        fs::remove_file(directory.join(name)).with_context(|| name.to_owned())?;
    }
    Ok(())
}
