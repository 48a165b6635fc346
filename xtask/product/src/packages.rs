//! Programs of the machine that the tests and the demo run, and the Debian packages that hold them.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};

/// A program and the package to install when it is missing.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Debian's package that has it.
    pub package: &'static str,
}

const fn program(name: &'static str, package: &'static str) -> Program {
    Program { name, package }
}

/// What the container and its scenarios run.
pub const CONTAINER: &[Program] = &[
    program("systemd-nspawn", "systemd-container"),
    program("setpriv", "util-linux"),
    program("mount", "mount"),
    program("mkfs.ext4", "e2fsprogs"),
    program("restic", "restic"),
    program("openssl", "openssl"),
    program("setfacl", "acl"),
    program("setfattr", "attr"),
    program("sqlite3", "sqlite3"),
    program("python3", "python3"),
    program("setcap", "libcap2-bin"),
    program("pgrep", "procps"),
];

/// Installs the packages of those `programs` that are missing, saying which.
///
/// # Errors
/// Something is missing, and either this is not root, there is no `apt-get`, or it fails.
pub fn require(programs: &[Program]) -> anyhow::Result<()> {
    // apt-get does not wait for another.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut packages: Vec<&str> = programs
        .iter()
        .filter(|program| !is_installed(program.name))
        .map(|program| program.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !nix::unistd::geteuid().is_root() {
        bail!("missing packages: {list}: install them, or run this as root");
    }
    eprintln!("installing what is missing: apt-get install {list}");
    apt_get(&["update"])?;
    apt_get(&[&["install", "--yes", "--no-install-recommends"], &*packages].concat())
}

/// Whether a directory of `PATH`, or one that only root's usually holds, has the program.
fn is_installed(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory| Path::join(&directory, name).is_file())
}

/// Runs `apt-get`; what it prints is shown only when it fails.
fn apt_get(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("apt-get")
        .args(["--quiet", "--quiet"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("apt-get: install the packages by the system's own means")?;
    if !output.status.success() {
        bail!(
            "apt-get {}: {}: {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
