//! The emulated guest: a Debian release with its own kernel and ZFS, in qemu. It judges what users' kernels do.
//!
//! Two states of it are saved. One is the kernel with ZFS before it has looked at a disk, from which a boot begins;
//! the other is booted, with its pools imported.

mod initrd;
mod monitor;
mod qemu;
mod qemu_root;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};

use self::qemu::{DISKS, HARDWARE, KERNEL, Memory, Qemu};
use self::qemu_root::QemuRoot;
use crate::agent::{Agent, End};
use crate::guest::{BOOT, Begin, Guest, Parts, Power, Unflushed, check};
use crate::payload;
use crate::recipe::{self, Release, succeed};
use crate::root::{DISK_SIZE, Root};
use product::cache::{Cache, Entry};
use scenario::facts::{self, Facts};

/// What makes the booted guest ready for a scenario.
const PREPARE: &str = "
set -eu
systemctl is-system-running --wait
zpool create -O mountpoint=none tank /dev/vdb
zpool create -O mountpoint=none vault /dev/vdc
zfs list
# What most scenarios run is in the page cache then.
systemctl daemon-reload
journalctl --sync
restic version
zpool sync
fstrim /
sync
";

/// How often the guest is booted at most until its clock is right.
const TRIES: u32 = 3;

/// The built guest.
#[derive(Debug)]
pub(crate) struct Emulated {
    name: String,
    qemu_root: QemuRoot,
    entry: Entry,
    facts: Facts,
}

impl Emulated {
    /// The cached guest of a release, built if need be.
    ///
    /// # Errors
    /// It cannot be built, or does not boot.
    pub(crate) fn open(cache: &Cache, release: Release) -> anyhow::Result<Self> {
        let qemu_root = QemuRoot::open(cache, release)?;
        let root = Root::open(cache, release)?;
        let root_key = Root::key()?;
        let mut words = vec![&*root_key, KERNEL, PREPARE, facts::SCRIPT, DISK_SIZE];
        words.extend(qemu_root.keys());
        words.extend(HARDWARE);
        let kind = release.kind("emulated");
        let key = recipe::key(&words, &["emulated", "init"])?;
        let entry = cache.entry(&kind, &key, |directory| {
            eprintln!("building the emulated machine, once: about a minute");
            let mut tries = 1;
            loop {
                disks(directory, &format!("{kind}-{key}"), &qemu_root, &root)?;
                initrd::pack(directory, &qemu_root)?;
                match save_states(directory, &qemu_root) {
                    Err(error) if tries < TRIES && error.is::<WrongClock>() => {
                        eprintln!("{}; booting it again", error.root_cause());
                        tries += 1;
                        empty(directory)?;
                    }
                    end => return end,
                }
            }
        })?;
        let path = entry.join("facts");
        let facts = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self {
            name: format!("emulated {}", release.in_words()),
            qemu_root,
            entry,
            facts: Facts::read(&facts),
        })
    }

    fn qemu(&self, parts: &Parts<'_>, memory: &Memory) -> anyhow::Result<(Qemu, Agent)> {
        if parts.unflushed == Unflushed::Lost {
            bail!("only the quick guest can lose what was not flushed");
        }
        Qemu::start(&self.qemu_root, &self.entry.join("initrd"), parts, memory)
    }

    /// Starts a machine that was booted and saved, gives it the host's time, and runs `script`.
    fn awake(
        &self,
        parts: &Parts<'_>,
        memory: &Memory,
        script: &str,
    ) -> anyhow::Result<(Box<dyn Power>, Agent)> {
        let (qemu, mut agent) = self.qemu(parts, memory)?;
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs_f64();
        let script = format!("date --set=@{now} >/dev/null\n{script}");
        check(&mut agent, &qemu, &script, BOOT)?;
        Ok((Box::new(qemu), agent))
    }

    fn saved(&self, name: &str) -> Memory {
        Memory {
            file: self.entry.join(format!("{name}.memory")),
            state: Some(self.entry.join(format!("{name}.state"))),
            kept: false,
        }
    }

    fn fresh_disks(&self, directory: &Path) -> anyhow::Result<()> {
        for disk in DISKS {
            let to = directory.join(disk).with_extension("qcow2");
            fs::copy(self.entry.join(format!("{disk}.overlay")), &to)
                .with_context(|| to.display().to_string())?;
        }
        Ok(())
    }
}

impl Guest for Emulated {
    fn name(&self) -> &str {
        &self.name
    }

    fn key(&self) -> &str {
        self.entry.key()
    }

    fn how_quick(&self) -> &'static str {
        "It is emulated: everything takes many times as long as on hardware, and only ratios hold."
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn can_lose_unflushed(&self) -> bool {
        false
    }

    fn boots_quickly(&self) -> bool {
        false
    }

    fn disks_of(&self, directory: &Path) -> Vec<PathBuf> {
        disks_in(directory)
    }

    fn jobs(&self, processors: usize) -> usize {
        processors / qemu::PROCESSORS
    }

    fn unpack(&self, _parts: &Parts<'_>, _to: &Path) -> anyhow::Result<()> {
        Ok(())
    }

    fn start(
        &self,
        begin: Begin<'_>,
        parts: &Parts<'_>,
    ) -> anyhow::Result<(Box<dyn Power>, Agent)> {
        let unpack = payload::unpack("/dev/vdd");
        match begin {
            Begin::Fresh => {
                self.fresh_disks(parts.directory)?;
                self.awake(parts, &self.saved("booted"), &unpack)
            }
            Begin::ToKeep(to) => {
                self.fresh_disks(parts.directory)?;
                let memory = Memory {
                    file: kept_memory(to),
                    kept: true,
                    ..self.saved("booted")
                };
                copy_sparse(&self.saved("booted").file, &memory.file)?;
                self.awake(parts, &memory, &unpack)
            }
            Begin::Kept(from) => {
                copy_disks(from, parts.directory)?;
                let memory = Memory {
                    file: kept_memory(from),
                    state: Some(kept_state(from)),
                    kept: false,
                };
                self.awake(parts, &memory, "")
            }
            Begin::Disks(from) => {
                copy_disks(from, parts.directory)?;
                self.start(Begin::PowerOn, parts)
            }
            Begin::PowerOn => {
                let (qemu, mut agent) = self.qemu(parts, &self.saved("booting"))?;
                agent.go()?;
                Ok((Box::new(qemu), agent))
            }
        }
    }
}

impl Power for Qemu {
    fn wait(&mut self) -> anyhow::Result<()> {
        self.wait()
    }

    fn cut(&mut self) -> anyhow::Result<u64> {
        self.kill().context("qemu").map(|_| 0)
    }

    fn log(&self) -> String {
        self.log()
    }

    fn keep(self: Box<Self>, _agent: Agent, to: &Path) -> anyhow::Result<()> {
        let directory = self.directory().to_owned();
        self.save(&kept_state(to))?;
        for (from, to) in disks_in(&directory).iter().zip(disks_in(to)) {
            fs::rename(from, to).with_context(|| from.display().to_string())?;
        }
        Ok(())
    }
}

fn disks_in(directory: &Path) -> Vec<PathBuf> {
    let files = DISKS.map(|disk| format!("{disk}.qcow2"));
    files.map(|file| directory.join(file)).to_vec()
}

fn copy_disks(from: &Path, to: &Path) -> anyhow::Result<()> {
    for (from, to) in disks_in(from).iter().zip(disks_in(to)) {
        fs::copy(from, to).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

fn kept_memory(directory: &Path) -> PathBuf {
    directory.join("memory")
}

fn kept_state(directory: &Path) -> PathBuf {
    directory.join("state")
}

fn copy_sparse(from: &Path, to: &Path) -> anyhow::Result<()> {
    succeed(Command::new("cp").arg("--sparse=always").args([from, to]))
}

/// Makes the disks, and an empty layer above each that finds it from a directory beside `entry`.
fn disks(directory: &Path, entry: &str, qemu_root: &QemuRoot, root: &Root) -> anyhow::Result<()> {
    let mut mke2fs = qemu_root.program("usr/sbin/mke2fs");
    mke2fs.env("MKE2FS_CONFIG", qemu_root.join("etc/mke2fs.conf"));
    let image = directory.join("root.raw");
    root.image(&qemu_root.modules(), "emulated", None, mke2fs, &image)?;
    for disk in DISKS {
        let (file, overlay) = (format!("{disk}.qcow2"), format!("{disk}.overlay"));
        let mut create = qemu_img_create(directory, qemu_root);
        if disk == "root" {
            create.args(["-F", "raw", "-b", "root.raw"]);
        }
        succeed(create.args([&file, DISK_SIZE]))?;
        let mut create = qemu_img_create(directory, qemu_root);
        create.args(["-u", "-F", "qcow2", "-b"]);
        succeed(create.args([&format!("../{entry}/{file}"), &overlay, DISK_SIZE]))?;
    }
    Ok(())
}

/// Removes all files in it.
fn empty(directory: &Path) -> anyhow::Result<()> {
    let place = || directory.display().to_string();
    for file in fs::read_dir(directory).with_context(place)? {
        let path = file.with_context(place)?.path();
        fs::remove_file(&path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn qemu_img_create(directory: &Path, qemu_root: &QemuRoot) -> Command {
    let mut create = qemu_root.program("usr/bin/qemu-img");
    create
        .args(["create", "-q", "-f", "qcow2"])
        .current_dir(directory);
    create
}

/// How long the guest says it has been up.
fn uptime(agent: &mut Agent) -> anyhow::Result<Duration> {
    let mut output = Vec::new();
    agent.run("cat /proc/uptime", BOOT, &mut output)?;
    let text = String::from_utf8_lossy(&output);
    let seconds = text.split(' ').next().unwrap_or_default();
    let seconds: f64 = seconds
        .parse()
        .with_context(|| format!("the guest's uptime {text:?}"))?;
    Ok(Duration::from_secs_f64(seconds))
}

/// The kernel measures its processor's clock when it starts, which can go wrong on a busy machine, and every saved state
/// would keep the wrong rate.
#[derive(Debug)]
struct WrongClock {
    /// How fast it runs, in parts of how fast it should.
    rate: f64,
}

impl fmt::Display for WrongClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the guest's clock runs {:.2} times as fast as it should: try again when less is going on",
            self.rate
        )
    }
}

impl std::error::Error for WrongClock {}

/// No scenario minds a tenth: Debian 12's is always off by a twentieth.
fn clock_must_be_right(guest: Duration, host: Duration) -> Result<(), WrongClock> {
    let rate = guest.as_secs_f64() / host.as_secs_f64();
    if (0.9..1.1).contains(&rate) {
        Ok(())
    } else {
        Err(WrongClock { rate })
    }
}

/// Boots the guest, and saves both states and what it has.
fn save_states(directory: &Path, qemu_root: &QemuRoot) -> anyhow::Result<()> {
    let file = |name: &str| directory.join(name);
    payload::blank(&file("payload"))?;
    let parts = Parts {
        directory,
        payload: &file("payload"),
        unflushed: Unflushed::Kept,
    };
    let initrd = file("initrd");

    let booting = Memory {
        file: file("booting.memory"),
        state: None,
        kept: true,
    };
    let (qemu, mut agent) = Qemu::start(qemu_root, &initrd, &parts, &booting)?;
    agent
        .await_initrd(BOOT)
        .with_context(|| format!("the kernel does not start:\n{}", qemu.log()))?;
    qemu.save(&file("booting.state"))?;

    let booted = Memory {
        file: file("booted.memory"),
        state: Some(file("booting.state")),
        kept: true,
    };
    copy_sparse(&booting.file, &booted.file)?;
    let (qemu, mut agent) = Qemu::start(qemu_root, &initrd, &parts, &booted)?;
    let mut output = Vec::new();
    let mut facts = Vec::new();
    let end = agent
        .go()
        .and_then(|()| agent.await_boot(BOOT))
        .and_then(|()| {
            let (since, before) = (Instant::now(), uptime(&mut agent)?);
            let end = agent.run(PREPARE, BOOT, &mut output)?;
            let passed = uptime(&mut agent)?.saturating_sub(before);
            clock_must_be_right(passed, since.elapsed())?;
            agent.run(facts::SCRIPT, BOOT, &mut facts)?;
            Ok(end)
        })
        .with_context(|| format!("the guest does not boot:\n{}", qemu.log()))?;
    if end != End::Exit(0) {
        let output = String::from_utf8_lossy(&output);
        bail!("the guest is not ready: {end:?}:\n{output}\n{}", qemu.log());
    }
    fs::write(file("facts"), facts).context("what the guest has")?;
    qemu.save(&file("booted.state"))?;
    for name in ["console", "qemu.log", "payload"] {
        fs::remove_file(file(name)).with_context(|| name.to_owned())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_known_also_by_who_is_told_more() {
        let second = Duration::from_secs(1);
        assert!(clock_must_be_right(second, second.mul_f64(1.05)).is_ok());
        for wrong in [second * 2, second / 2] {
            let told = clock_must_be_right(second, wrong).context("the guest does not boot");
            assert!(told.is_err_and(|error| error.is::<WrongClock>()));
        }
    }
}
