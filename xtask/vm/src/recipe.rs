//! What the cached parts are made from, and the key that follows from it.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use product::binaries::workspace;
pub(crate) use product::program::succeed;

/// A Debian release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// 12, with OpenZFS 2.1.
    Bookworm,
    /// 13, with OpenZFS 2.3.
    Trixie,
}

impl Release {
    /// What people call it.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Bookworm => "Debian 12",
            Self::Trixie => "Debian 13",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// What is made of it, in the cache: Debian 13's has the plain name.
    pub(crate) fn kind(self, what: &str) -> String {
        match self {
            Self::Bookworm => format!("bookworm-{what}"),
            Self::Trixie => what.to_owned(),
        }
    }
}

/// The path of a file below `tests/vm/guest`.
pub(crate) fn file(name: &str) -> PathBuf {
    workspace().join("tests/vm/guest").join(name)
}

/// The packages that a file below `tests/vm/guest` names, one a line.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn packages(name: &str) -> anyhow::Result<String> {
    let path = file(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let names: Vec<&str> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    Ok(names.join(","))
}

/// A key for what is made from `words` and from these files and directories below
/// `tests/vm/guest`.
///
/// # Errors
/// One of them cannot be read.
pub(crate) fn key(words: &[&str], names: &[&str]) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    for name in names {
        hash(&file(name), &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash(path: &Path, hasher: &mut DefaultHasher) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    path.file_name().hash(hasher);
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(place)?;
        let mut paths = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()
            .with_context(place)?;
        paths.sort();
        paths.iter().try_for_each(|path| hash(path, hasher))
    } else {
        fs::read(path).with_context(place)?.hash(hasher);
        Ok(())
    }
}

/// Makes a Debian root of this release with `packages` in `root`, which is made too.
///
/// # Errors
/// This is not root, or a package cannot be had or installed.
pub(crate) fn debian(root: &Path, release: Release, packages: &str) -> anyhow::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("only root can build the virtual machine: run this as root");
    }
    // In namespaces of its own, so that nothing it mounts or starts outlives it.
    let mut mmdebstrap = Command::new("setpriv");
    mmdebstrap
        .args(["--pdeathsig", "KILL", "--"])
        .args([
            "unshare",
            "--mount",
            "--pid",
            "--mount-proc",
            "--kill-child",
            "--",
        ])
        .args(["mmdebstrap", "--mode=root", "--variant=apt"])
        .arg("--components=main,contrib")
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .args(["--dpkgopt=force-confold", "--dpkgopt=force-unsafe-io"])
        .args(
            ["doc", "locale", "man"]
                .map(|part| format!("--dpkgopt=path-exclude=/usr/share/{part}/*")),
        )
        // The initrd is made by hand.
        .arg(
            "--essential-hook=mkdir -p \"$1/etc/initramfs-tools\" && \
             echo update_initramfs=no >\"$1/etc/initramfs-tools/update-initramfs.conf\"",
        )
        .arg(format!("--include={packages}"))
        .arg(release.name())
        .arg(root);
    succeed(&mut mmdebstrap)
}

/// Fetches a package of this release into `directory`, with what apt trusts. Gives its file.
///
/// # Errors
/// It cannot be had.
pub(crate) fn package(release: Release, name: &str, directory: &Path) -> anyhow::Result<PathBuf> {
    // A root without packages, for its apt alone.
    let root = directory.join("root");
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap
        .env("TO", directory)
        .args(["--mode=root", "--variant=custom", "--quiet"])
        .arg(format!(
            "--customize-hook=cd \"$TO\" && APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get -qq download {name}"
        ))
        .arg(release.name())
        .arg(&root);
    succeed(&mut mmdebstrap)?;
    fs::remove_dir_all(&root).with_context(|| root.display().to_string())?;
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let file = files.find(|file| file.extension().is_some_and(|end| end == "deb"));
    file.with_context(|| format!("{name}: apt has fetched no package"))
}

/// Runs a script below `tests/vm/guest` in `root`.
///
/// # Errors
/// The script fails.
pub(crate) fn in_root(root: &Path, script: &str) -> anyhow::Result<()> {
    let path = file(script);
    let input = fs::File::open(&path).with_context(|| path.display().to_string())?;
    succeed(
        Command::new("chroot")
            .arg(root)
            .args(["/bin/sh", "-s"])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(input),
    )
    .with_context(|| path.display().to_string())
}
