//! The Debian root that a guest's disk is made from: without a kernel, so that guests of several kinds share it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::recipe::{self, Release, succeed};
use product::cache::{Cache, Entry};

/// The size of a disk, also of those for pools. They are sparse.
pub(crate) const DISK_SIZE: &str = "8G";

/// The built root.
#[derive(Debug)]
pub(crate) struct Root {
    entry: Entry,
}

impl Root {
    /// The cached root of a release, built if need be.
    ///
    /// # Errors
    /// It cannot be built.
    pub(crate) fn open(cache: &Cache, release: Release) -> anyhow::Result<Self> {
        let packages = recipe::packages("packages")?;
        let key = Self::key()?;
        let entry = cache.entry(&release.kind("root"), &key, |directory| {
            eprintln!("building the virtual machine's root, once: about 2 minutes");
            let root = directory.join("root");
            recipe::debian(&root, release, &packages)?;
            copy_into(&recipe::file("root"), &root)?;
            recipe::in_root(&root, "guest.sh")
        })?;
        Ok(Self { entry })
    }

    /// What the root of any release is built from.
    ///
    /// # Errors
    /// A file that says so cannot be read.
    pub(crate) fn key() -> anyhow::Result<String> {
        recipe::key(&[&recipe::packages("packages")?], &["guest.sh", "root"])
    }

    /// Makes the ext4 `image` of it, with a kernel's `modules` (a directory named after the kernel's version) and
    /// the files below `also` (a directory below `tests/vm/guest`), after `script` (a file there) was run in it.
    /// `mke2fs` is the command to add arguments to.
    ///
    /// # Errors
    /// Something cannot be copied, the script fails, or mke2fs does.
    pub(crate) fn image(
        &self,
        modules: &Path,
        also: &str,
        script: Option<&str>,
        mut mke2fs: Command,
        image: &Path,
    ) -> anyhow::Result<()> {
        let beside = image.with_extension("root");
        succeed(
            Command::new("cp")
                .args(["--archive", "--reflink=auto"])
                .args([&self.entry.join("root"), &beside]),
        )?;
        let all_modules = beside.join("usr/lib/modules");
        fs::create_dir_all(&all_modules).with_context(|| all_modules.display().to_string())?;
        succeed(
            Command::new("cp")
                .arg("--archive")
                .args([modules, &all_modules]),
        )?;
        copy_into(&recipe::file(also), &beside)?;
        if let Some(script) = script {
            recipe::in_root(&beside, script)?;
        }
        mke2fs
            .args(["-q", "-t", "ext4", "-E", "assume_storage_prezeroed=1", "-d"])
            .args([&beside, image])
            .arg(DISK_SIZE);
        succeed(&mut mke2fs)?;
        fs::remove_dir_all(&beside).with_context(|| beside.display().to_string())
    }
}

/// Copies what is below `from` into the root `to`, as files of root's.
fn copy_into(from: &Path, to: &Path) -> anyhow::Result<()> {
    succeed(
        Command::new("cp")
            .args(["--recursive", "--no-target-directory"])
            .args([from, to]),
    )
}
