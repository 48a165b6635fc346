//! What all containers of a run start from: the machine's own root, with preseed in it and
//! everything out of it that would slow or break a boot.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::overlay;
use crate::software::Software;
use product::binaries::Binaries;
use product::install;

/// What a machine leaves that was shut down.
#[derive(Debug)]
pub(crate) struct Left {
    /// What it changed of its root.
    pub layer: PathBuf,
    pub disk: PathBuf,
}

/// Layers above the machine's root.
#[derive(Debug)]
pub(crate) struct Base {
    work: PathBuf,
    /// Above the machine's root, the topmost first.
    layers: Vec<PathBuf>,
    /// The disk that a machine before left.
    disk: Option<PathBuf>,
    software: Option<Software>,
}

impl Base {
    /// Makes the layer in the directory `name` below `work`, a directory of [`super::namespace::enter`]: above that of
    /// `software`, if any is wanted.
    ///
    /// # Errors
    /// A file cannot be written, or parts of the machine's system are on file systems of their own.
    pub(crate) fn prepare(
        work: &Path,
        name: &str,
        built: &Binaries,
        software: Option<Software>,
    ) -> anyhow::Result<Self> {
        one_file_system()?;
        let work = work.join(name);
        let layer = work.join("base");
        let below = software.as_ref().map(Software::layer);
        let below = below.as_deref();
        let root = overlay::mount(below, &layer, &work.join("base-root"))?;
        install::install(&root, built)?;
        forget_the_machines_services(&root)?;
        install::install_test_service(&root, built)?;
        install_stage(&root)?;
        overlay::unmount(&root)?;
        let below = below.map(Path::to_owned);
        Ok(Self {
            layers: [layer].into_iter().chain(below).collect(),
            work,
            disk: None,
            software,
        })
    }

    /// What machines start from that go on where one of this base ended, which ran none of its software. They work in the
    /// directory `name` beside its own.
    pub(crate) fn followed_by(&self, name: &str, left: Left) -> Self {
        let layers = [left.layer].into_iter().chain(self.layers.clone());
        Self {
            work: self.work.join(name),
            layers: layers.collect(),
            disk: Some(left.disk),
            software: None,
        }
    }

    /// A directory of its own.
    pub(crate) fn work(&self) -> &Path {
        &self.work
    }

    /// Its layers above the machine's root, the topmost first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Path> {
        self.layers.iter().map(PathBuf::as_path)
    }

    /// The disk that machines begin with a copy of, if it is not an empty one.
    pub(crate) fn disk(&self) -> Option<&Path> {
        self.disk.as_deref()
    }

    /// What its software has made below `/var`.
    pub(crate) fn var(&self) -> Option<PathBuf> {
        Some(self.software.as_ref()?.layer().join("var"))
    }
}

/// An overlay shows one file system, not those mounted in it.
fn one_file_system() -> anyhow::Result<()> {
    let device = |path: &str| {
        fs::metadata(path)
            .map(|found| found.dev())
            .context(path.to_owned())
    };
    let root = device("/")?;
    for directory in ["/usr", "/etc"] {
        if device(directory)? != root {
            bail!("{directory} is a file system of its own: containers need it on the root's");
        }
    }
    Ok(())
}

/// The machine's enabled units, drop-ins, mounts and generators stay out.
fn forget_the_machines_services(root: &Path) -> anyhow::Result<()> {
    let units = root.join("etc/systemd/system");
    if units.exists() {
        fs::remove_dir_all(&units).with_context(|| units.display().to_string())?;
    }
    create_directory(&units)?;
    write(root, "etc/fstab", "")?;

    let generators = root.join("usr/lib/systemd/system-generators");
    let masks = root.join("etc/systemd/system-generators");
    create_directory(&masks)?;
    let place = || generators.display().to_string();
    for generator in fs::read_dir(&generators).with_context(place)? {
        let name = generator.with_context(place)?.file_name();
        if name != "preseed-generator" {
            let mask = masks.join(name);
            if mask.symlink_metadata().is_err() {
                symlink("/dev/null", &mask).with_context(|| mask.display().to_string())?;
            }
        }
    }

    // No scenario is about sessions, the records of boots, or the kernel's settings, and each takes its time at boot.
    for unit in [
        "systemd-logind.service",
        "systemd-update-utmp.service",
        "systemd-update-utmp-runlevel.service",
        "systemd-sysctl.service",
        "dev-hugepages.mount",
    ] {
        symlink("/dev/null", units.join(unit)).context(unit)?;
    }

    // Another id than the machine's, so that nspawn does not take its journal for the machine's.
    write(root, "etc/machine-id", "70726573656564000000636f6e746169\n")?;
    write(root, "etc/hostname", "preseed\n")?;
    write(root, "etc/hosts", "127.0.0.1 localhost preseed\n")?;
    write(
        root,
        "etc/systemd/journald.conf.d/container.conf",
        "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n",
    )?;
    write(
        root,
        "etc/systemd/system.conf.d/container.conf",
        "[Manager]\nDefaultTimeoutStopSec=10s\n",
    )
}

fn install_stage(root: &Path) -> anyhow::Result<()> {
    write(
        root,
        "usr/lib/preseed-tests/run-stage.sh",
        include_str!("run-stage.sh"),
    )?;
    let unit = "usr/lib/systemd/system/scenario-stage.service";
    write(root, unit, include_str!("scenario-stage.service"))?;
    write(
        root,
        "usr/lib/systemd/system/scenario-idle.target",
        include_str!("scenario-idle.target"),
    )?;
    let wants = root.join("etc/systemd/system/sysinit.target.wants");
    create_directory(&wants)?;
    symlink(
        Path::new("/").join(unit),
        wants.join("scenario-stage.service"),
    )
    .context("enable scenario-stage.service")
}

fn create_directory(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| path.display().to_string())
}

/// Writes a file, in the place of a link too.
fn write(root: &Path, path: &str, contents: &str) -> anyhow::Result<()> {
    let path = root.join(path);
    let place = || path.display().to_string();
    if let Some(directory) = path.parent() {
        create_directory(directory)?;
    }
    if path.symlink_metadata().is_ok() {
        fs::remove_file(&path).with_context(place)?;
    }
    fs::write(&path, contents).with_context(place)
}
