//! A user-mode Linux with ZFS, built from Debian's sources of both.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::recipe::{self, Release, succeed};
use product::cache::{Cache, Entry};

/// What is built into it and what is not.
const CONFIG: &str = "kernel.config";

/// The directory of the changes to Debian's source.
const PATCHES: &str = "kernel-patches";

/// The built kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    entry: Entry,
}

impl Kernel {
    /// The cached kernel, built if need be.
    ///
    /// # Errors
    /// It cannot be built: the machine is of another architecture, a package is gone, ….
    pub(super) fn open(cache: &Cache) -> anyhow::Result<Self> {
        if std::env::consts::ARCH != "x86_64" {
            anyhow::bail!("user-mode Linux is only for x86_64");
        }
        let packages = recipe::packages("kernel-packages")?;
        let key = Self::key()?;
        let entry = cache.entry("kernel", &key, |directory| {
            eprintln!("building a user-mode Linux with ZFS, once: about 15 minutes");
            let root = directory.join("root");
            recipe::debian(&root, Release::Trixie, &packages)?;
            succeed(
                Command::new("cp")
                    .arg("--recursive")
                    .args([CONFIG, PATCHES].map(recipe::file))
                    .arg(root.join("usr/src")),
            )?;
            recipe::in_root(&root, "kernel.sh")?;
            for name in ["linux", "modules"] {
                fs::rename(root.join("usr/src/built").join(name), directory.join(name))
                    .with_context(|| name.to_owned())?;
            }
            fs::remove_dir_all(&root).with_context(|| root.display().to_string())
        })?;
        Ok(Self { entry })
    }

    /// What it is built from.
    ///
    /// # Errors
    /// A file that says so cannot be read.
    pub(super) fn key() -> anyhow::Result<String> {
        let packages = recipe::packages("kernel-packages")?;
        recipe::key(&[&packages], &["kernel.sh", CONFIG, PATCHES])
    }

    /// The program that is the kernel.
    pub(super) fn image(&self) -> PathBuf {
        self.entry.join("linux")
    }

    /// The directory of its modules, named after its version.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn modules(&self) -> anyhow::Result<PathBuf> {
        let all = self.entry.join("modules");
        let version: OsString = fs::read_dir(&all)
            .and_then(|mut versions| versions.next().transpose())
            .with_context(|| all.display().to_string())?
            .with_context(|| format!("{}: no kernel", all.display()))?
            .file_name();
        Ok(all.join(version))
    }
}
