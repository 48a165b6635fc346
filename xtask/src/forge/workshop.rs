//! The workshop: a small Debian root with qemu, a kernel and its ZFS module. Its programs are run
//! from where they are, without chroot, so that the machine's own packages stay as they are.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::forge::cache::{Cache, Entry};
use crate::forge::recipe;

/// The directories of a root that hold its libraries.
const LIBRARIES: [&str; 2] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/pulseaudio",
];

/// The built workshop.
#[derive(Debug)]
pub(crate) struct Workshop {
    entry: Entry,
    /// The kernel's version, as in `/lib/modules`.
    kernel: OsString,
}

impl Workshop {
    /// The cached workshop, built if need be.
    ///
    /// # Errors
    /// It cannot be built.
    pub(crate) fn open(cache: &Cache) -> anyhow::Result<Self> {
        let packages = recipe::packages("workshop-packages")?;
        let key = recipe::key(&[&packages], &["workshop.sh"])?;
        let entry = cache.entry("workshop", &key, |directory| {
            eprintln!("building qemu's root and a kernel with ZFS, once: about 6 minutes");
            let root = directory.join("root");
            recipe::debian(&root, &packages)?;
            recipe::in_root(&root, "workshop.sh")
        })?;
        let modules = entry.join("root/lib/modules");
        let kernel = fs::read_dir(&modules)
            .and_then(|mut kernels| kernels.next().transpose())
            .with_context(|| modules.display().to_string())?
            .with_context(|| format!("{}: no kernel", modules.display()))?
            .file_name();
        Ok(Self { entry, kernel })
    }

    /// What the workshop was built from.
    pub(crate) fn key(&self) -> &str {
        self.entry.key()
    }

    /// The path of a file of the root, absolute.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.entry.join("root").join(name)
    }

    /// The kernel's image.
    pub(crate) fn kernel(&self) -> PathBuf {
        let mut name = OsString::from("vmlinuz-");
        name.push(&self.kernel);
        self.join("boot").join(name)
    }

    /// The directory of the kernel's modules.
    pub(crate) fn modules(&self) -> PathBuf {
        self.join("lib/modules").join(&self.kernel)
    }

    /// A program of the root, by its path there, run with the root's own libraries. It is killed
    /// when the thread that starts it ends.
    pub(crate) fn program(&self, path: &str) -> Command {
        let mut libraries = OsString::new();
        for directory in LIBRARIES {
            libraries.push(self.join(directory));
            libraries.push(":");
        }
        let mut program = Command::new("setpriv");
        program
            .args(["--pdeathsig", "KILL", "--"])
            .arg(self.join("lib64/ld-linux-x86-64.so.2"))
            .arg("--library-path")
            .arg(libraries)
            .arg(self.join(path));
        program
    }
}
