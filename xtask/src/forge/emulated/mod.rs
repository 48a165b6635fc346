//! The guest: its disks, and two saved states of it. One is the kernel with ZFS before it has
//! looked at a disk, from which a boot begins; the other is booted, with its pools imported.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::forge::agent::{Agent, End};
use crate::forge::cache::{Cache, Entry};
use crate::forge::payload;
use crate::forge::qemu::{DISKS, HARDWARE, KERNEL, Memory, Parts, Qemu};
use crate::forge::recipe::{self, Release, succeed};
use crate::forge::workshop::Workshop;

/// How long a boot may take, on a busy machine.
pub(crate) const BOOT: Duration = Duration::from_secs(300);

const DISK_SIZE: &str = "8G";

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

/// The built guest.
#[derive(Debug)]
pub(crate) struct Guest {
    entry: Entry,
}

impl Guest {
    /// The cached guest, built if need be.
    ///
    /// # Errors
    /// It cannot be built, or does not boot.
    pub(crate) fn open(cache: &Cache, workshop: &Workshop) -> anyhow::Result<Self> {
        let packages = recipe::packages("packages")?;
        let mut words = vec![&*packages, KERNEL, PREPARE, DISK_SIZE];
        words.extend(workshop.keys());
        words.extend(HARDWARE);
        let kind = Release::of_the_guest()?.kind("guest");
        let key = recipe::key(&words, &["guest.sh", "init", "root"])?;
        let entry = cache.entry(&kind, &key, |directory| {
            eprintln!("building the virtual machine, once: about 2 minutes");
            disks(directory, &format!("{kind}-{key}"), workshop, &packages)?;
            initrd(directory, workshop)?;
            save_states(directory, workshop)
        })?;
        Ok(Self { entry })
    }

    /// The initrd, which a reboot from within the guest needs.
    pub(crate) fn initrd(&self) -> PathBuf {
        self.entry.join("initrd")
    }

    /// Puts fresh disks into `directory`, which is beside the cache's entries.
    ///
    /// # Errors
    /// They cannot be copied.
    pub(crate) fn disks(&self, directory: &Path) -> anyhow::Result<()> {
        for disk in DISKS {
            let to = directory.join(disk).with_extension("qcow2");
            fs::copy(self.entry.join(format!("{disk}.overlay")), &to)
                .with_context(|| to.display().to_string())?;
        }
        Ok(())
    }

    /// The state from which a boot begins.
    pub(crate) fn booting(&self) -> Memory {
        self.saved("booting")
    }

    /// The state after a boot.
    pub(crate) fn booted(&self) -> Memory {
        self.saved("booted")
    }

    fn saved(&self, name: &str) -> Memory {
        Memory {
            file: self.entry.join(format!("{name}.memory")),
            state: Some(self.entry.join(format!("{name}.state"))),
            kept: false,
        }
    }
}

/// Makes the disks, and an empty layer above each that finds it from a directory beside `entry`.
fn disks(directory: &Path, entry: &str, workshop: &Workshop, packages: &str) -> anyhow::Result<()> {
    let root = directory.join("root");
    recipe::debian(&root, Release::of_the_guest()?, packages)?;
    let modules = root.join("usr/lib/modules");
    fs::create_dir_all(&modules).with_context(|| modules.display().to_string())?;
    let mut copy = Command::new("cp");
    succeed(copy.arg("--archive").arg(workshop.modules()).arg(&modules))?;
    let mut copy = Command::new("cp");
    succeed(
        copy.args(["--recursive", "--no-target-directory"])
            .arg(recipe::file("root"))
            .arg(&root),
    )?;
    recipe::in_root(&root, "guest.sh")?;

    let image = directory.join("root.raw");
    let mut mke2fs = workshop.program("usr/sbin/mke2fs");
    mke2fs
        .args(["-q", "-t", "ext4", "-E", "assume_storage_prezeroed=1", "-d"])
        .args([&root, &image])
        .arg(DISK_SIZE)
        .env("MKE2FS_CONFIG", workshop.join("etc/mke2fs.conf"));
    succeed(&mut mke2fs)?;
    fs::remove_dir_all(&root).with_context(|| root.display().to_string())?;

    for disk in DISKS {
        let (file, overlay) = (format!("{disk}.qcow2"), format!("{disk}.overlay"));
        let mut create = qemu_img_create(directory, workshop);
        if disk == "root" {
            create.args(["-F", "raw", "-b", "root.raw"]);
        }
        succeed(create.args([&file, DISK_SIZE]))?;
        let mut create = qemu_img_create(directory, workshop);
        create.args(["-u", "-F", "qcow2", "-b"]);
        succeed(create.args([&format!("../{entry}/{file}"), &overlay, DISK_SIZE]))?;
    }
    Ok(())
}

fn qemu_img_create(directory: &Path, workshop: &Workshop) -> Command {
    let mut create = workshop.program("usr/bin/qemu-img");
    create
        .args(["create", "-q", "-f", "qcow2"])
        .current_dir(directory);
    create
}

/// Packs busybox, the modules a boot needs and `init`.
fn initrd(directory: &Path, workshop: &Workshop) -> anyhow::Result<()> {
    let tree = tempfile::tempdir_in(directory)?;
    for name in ["bin", "dev", "proc", "sys", "root", "etc"] {
        fs::create_dir(tree.path().join(name))?;
    }
    let mut files = vec![
        (workshop.join("usr/bin/busybox"), "bin/busybox".to_owned()),
        (recipe::file("init"), "init".to_owned()),
    ];
    // `init` loads each list's in its order.
    let mut loaded = BTreeSet::new();
    for (list, programs) in [
        ("first", ["virtio_pci", "virtio_console", "zfs"].as_slice()),
        ("disks", &["virtio_blk"]),
    ] {
        let mut names = String::new();
        for module in workshop.with_dependencies(programs)? {
            if !loaded.insert(module.clone()) {
                continue;
            }
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            names.push_str(&name);
            names.push('\n');
            files.push((workshop.modules().join(&module), name.into_owned()));
        }
        let path = directory.join(list);
        fs::write(&path, names)?;
        files.push((path, list.to_owned()));
    }
    let mut names = String::from(".\nbin\ndev\nproc\nsys\nroot\netc\n");
    for (from, name) in files {
        let to = tree.path().join(&name);
        fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        fs::set_permissions(&to, Permissions::from_mode(0o755))?;
        names.push_str(&name);
        names.push('\n');
    }
    let list = directory.join("initrd.list");
    fs::write(&list, names)?;
    let status = workshop
        .program("usr/bin/cpio")
        .args(["--create", "--format=newc", "--quiet"])
        .current_dir(tree.path())
        .stdin(File::open(&list)?)
        .stdout(File::create(directory.join("initrd"))?)
        .stderr(Stdio::inherit())
        .status()
        .context("cpio")?;
    if !status.success() {
        bail!("cpio: {status}");
    }
    fs::remove_file(&list)?;
    Ok(())
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

/// The kernel measures its processor's clock when it starts, which can go wrong on a busy machine,
/// and every saved state would keep the wrong rate. No scenario minds a tenth: Debian 12's is always off by a twentieth.
fn clock_must_be_right(guest: Duration, host: Duration) -> anyhow::Result<()> {
    let rate = guest.as_secs_f64() / host.as_secs_f64();
    if (0.9..1.1).contains(&rate) {
        return Ok(());
    }
    bail!(
        "the guest's clock runs {rate:.2} times as fast as it should: try again when less is going on"
    )
}

fn save_states(directory: &Path, workshop: &Workshop) -> anyhow::Result<()> {
    let payload = directory.join("payload");
    payload::blank(&payload)?;
    let parts = Parts {
        workshop,
        initrd: &directory.join("initrd"),
        directory,
        payload: &payload,
    };
    let file = |name: &str| directory.join(name);

    let booting = Memory {
        file: file("booting.memory"),
        state: None,
        kept: true,
    };
    let (qemu, mut agent) = Qemu::start(&parts, &booting)?;
    agent
        .await_initrd(BOOT)
        .with_context(|| format!("the kernel does not start:\n{}", qemu.log()))?;
    qemu.save(&file("booting.state"))?;

    let booted = Memory {
        file: file("booted.memory"),
        state: Some(file("booting.state")),
        kept: true,
    };
    succeed(
        Command::new("cp")
            .arg("--sparse=always")
            .args([&booting.file, &booted.file]),
    )?;
    let (qemu, mut agent) = Qemu::start(&parts, &booted)?;
    let mut output = Vec::new();
    let end = agent
        .go()
        .and_then(|()| agent.await_boot(BOOT))
        .and_then(|()| {
            let (since, before) = (Instant::now(), uptime(&mut agent)?);
            let end = agent.run(PREPARE, BOOT, &mut output)?;
            let passed = uptime(&mut agent)?.saturating_sub(before);
            clock_must_be_right(passed, since.elapsed())?;
            Ok(end)
        })
        .with_context(|| format!("the guest does not boot:\n{}", qemu.log()))?;
    if end != End::Exit(0) {
        let output = String::from_utf8_lossy(&output);
        bail!("the guest is not ready: {end:?}:\n{output}\n{}", qemu.log());
    }
    qemu.save(&file("booted.state"))?;
    for name in ["console", "qemu.log", "payload"] {
        fs::remove_file(file(name)).with_context(|| name.to_owned())?;
    }
    Ok(())
}
