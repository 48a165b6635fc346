//! Where qemu is: a small Debian root with qemu, a kernel and its ZFS module. Its programs are run
//! from where they are, without chroot, so that the machine's own packages stay as they are.
//! For a guest of another release, the kernel is that of a second such root.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::recipe::{self, Release};
use product::cache::{Cache, Entry};

/// The directories of a root that hold its libraries.
const LIBRARIES: [&str; 2] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/pulseaudio",
];

/// Runs what is given, with the least share of the processors. The kernel shares them among sessions first (sched(7), "The
/// autogroup feature"): where it does, `nice` alone would count only within the session.
const GIVE_WAY: &str = r#"{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec "$@""#;

/// The built root.
#[derive(Debug)]
pub(super) struct QemuRoot {
    entry: Entry,
    /// The root that holds the kernel.
    kernel_entry: Entry,
    /// The kernel's version, as in `/lib/modules`.
    kernel: OsString,
}

impl QemuRoot {
    /// The cached root for a guest of `release`, built if need be.
    ///
    /// # Errors
    /// It cannot be built.
    pub(super) fn open(cache: &Cache, release: Release) -> anyhow::Result<Self> {
        let entry = root(cache, Release::Trixie)?;
        let kernel_entry = root(cache, release)?;
        let modules = kernel_entry.join("root/lib/modules");
        let kernel = fs::read_dir(&modules)
            .and_then(|mut kernels| kernels.next().transpose())
            .with_context(|| modules.display().to_string())?
            .with_context(|| format!("{}: no kernel", modules.display()))?
            .file_name();
        Ok(Self {
            entry,
            kernel_entry,
            kernel,
        })
    }

    /// What the root was built from.
    pub(super) fn keys(&self) -> [&str; 2] {
        [self.entry.key(), self.kernel_entry.key()]
    }

    /// The path of a file of the root, absolute.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.entry.join("root").join(name)
    }

    /// The kernel's image.
    pub(super) fn kernel(&self) -> PathBuf {
        let mut name = OsString::from("vmlinuz-");
        name.push(&self.kernel);
        self.kernel_entry.join("root/boot").join(name)
    }

    /// The directory of the kernel's modules.
    pub(super) fn modules(&self) -> PathBuf {
        self.kernel_entry
            .join("root/lib/modules")
            .join(&self.kernel)
    }

    /// The modules of these names with all that they need, in the order to load them, as paths below
    /// [`QemuRoot::modules`]. One that the kernel has built in is left out.
    ///
    /// # Errors
    /// The kernel's `modules.dep` (depmod(8)) cannot be read.
    pub(super) fn with_dependencies(&self, names: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let path = self.modules().join("modules.dep");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut ordered: Vec<PathBuf> = Vec::new();
        for name in names {
            let file = format!("/{name}.ko");
            let line = text
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(module, _)| module.ends_with(&file));
            let Some((module, needed)) = line else {
                continue;
            };
            // What is needed first comes last.
            for module in needed.split_whitespace().rev().chain([module]) {
                if !ordered.iter().any(|one| one.as_os_str() == module) {
                    ordered.push(module.into());
                }
            }
        }
        Ok(ordered)
    }

    /// A program of the root, by its path there, run with the root's own libraries. It is killed
    /// when the thread that starts it ends.
    pub(super) fn program(&self, path: &str) -> Command {
        self.program_by(&[], path)
    }

    /// The same, for one that works for many minutes: it leaves the processors to all others that want them.
    pub(super) fn program_that_gives_way(&self, path: &str) -> Command {
        self.program_by(
            &["setsid", "nice", "-n", "19", "sh", "-c", GIVE_WAY, "sh"],
            path,
        )
    }

    fn program_by(&self, starter: &[&str], path: &str) -> Command {
        let mut libraries = OsString::new();
        for directory in LIBRARIES {
            libraries.push(self.join(directory));
            libraries.push(":");
        }
        let mut program = Command::new("setpriv");
        program
            .args(["--pdeathsig", "KILL", "--"])
            .args(starter)
            .arg(self.join("lib64/ld-linux-x86-64.so.2"))
            .arg("--library-path")
            .arg(libraries)
            .arg(self.join(path));
        program
    }
}

/// The cached root of a release, built if need be.
fn root(cache: &Cache, release: Release) -> anyhow::Result<Entry> {
    let packages = recipe::packages("workshop-packages")?;
    let key = recipe::key(&[&packages], &["workshop.sh"])?;
    cache.entry(&release.kind("workshop"), &key, |directory| {
        eprintln!("building qemu's root and a kernel with ZFS, once: about 6 minutes");
        let root = directory.join("root");
        recipe::debian(&root, release, &packages)?;
        recipe::in_root(&root, "workshop.sh")
    })
}
