//! Debian's packages for scenarios that run real software: `# packages: redis-server`.
//!
//! Each set is installed once into a layer above the machine's root, and kept in a disk of its own: the machine itself
//! has nothing of it.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use nix::mount::{MntFlags, umount2};

use crate::overlay;
use product::cache::{Cache, Entry};
use product::program::succeed;

/// What the disk of a layer can hold; it is sparse.
const SIZE: &str = "3G";

/// The file of a layer's disk in the cache.
const DISK: &str = "disk.ext4";

/// Installs packages in the root `$1`. Nothing of them is started, and nothing that is started outlives this.
const INSTALL: &str = r#"
set -eu
root=$1
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
chroot "$root" apt-get --quiet --quiet update
chroot "$root" apt-get --quiet --quiet install --yes --no-install-recommends "$@"
chroot "$root" dpkg-query --show "$@" >"$root/etc/preseed-software"
rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
"#;

/// A layer with packages, mounted as long as this process runs.
#[derive(Debug)]
pub(crate) struct Software {
    mounted: PathBuf,
    _entry: Entry,
}

impl Software {
    /// The layer with `packages` (separated by blanks), made if need be, and mounted below `work`.
    ///
    /// # Errors
    /// A package cannot be had, or the layer cannot be made or mounted.
    pub(crate) fn open(packages: &str, work: &Path) -> anyhow::Result<Self> {
        let names: Vec<&str> = packages.split_whitespace().collect();
        let name = names.join("+");
        let directory = work.join("software").join(&name);
        let entry = Cache::open()?.entry(&format!("software-{name}"), &key(&names)?, |entry| {
            eprintln!("installing {packages} into a layer for containers, once");
            make(&names, &entry.join(DISK), &directory.join("making"))
        })?;
        let mounted = directory.join("layer");
        if !mounted.exists() {
            fs::create_dir_all(&mounted).with_context(|| mounted.display().to_string())?;
            mount_disk(&entry.join(DISK), &mounted)?;
        }
        Ok(Self {
            mounted,
            _entry: entry,
        })
    }

    /// The layer's directory.
    pub(crate) fn layer(&self) -> PathBuf {
        self.mounted.join("upper")
    }
}

/// What a layer is made of: the packages, and all that the machine has installed already.
fn key(names: &[&str]) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    (names, INSTALL, SIZE).hash(&mut hasher);
    for file in ["/etc/os-release", "/var/lib/dpkg/status"] {
        fs::read(file).context(file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Installs packages into a layer on a fresh disk.
fn make(names: &[&str], disk: &Path, work: &Path) -> anyhow::Result<()> {
    succeed(Command::new("truncate").args(["--size", SIZE]).arg(disk))?;
    succeed(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk))?;
    fs::create_dir_all(work).with_context(|| work.display().to_string())?;
    mount_disk(disk, work)?;
    let root = overlay::mount([], &work.join("upper"), work)?;
    let installed = succeed(
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .args(["unshare", "--mount", "--pid", "--fork", "--kill-child"])
            .args(["sh", "-c", INSTALL, "sh"])
            .arg(&root)
            .args(names),
    );
    for mounted in [&root, work] {
        umount2(mounted, MntFlags::empty())
            .with_context(|| format!("unmount {}", mounted.display()))?;
    }
    installed
}

/// Always with the same options: while a layer is made, other containers of this run are started, and their copies of
/// the mounts keep it mounted as it is. Nothing but an overlay's lower layer is made of it later.
fn mount_disk(disk: &Path, directory: &Path) -> anyhow::Result<()> {
    succeed(
        Command::new("mount")
            .args(["-o", "loop,noatime"])
            .arg(disk)
            .arg(directory),
    )
}
