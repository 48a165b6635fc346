//! The disk that carries the current build into a machine: a tar archive, read as it is.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::recipe::succeed;
use product::binaries::Binaries;
use product::install;

/// Fixed, because a saved machine knows it.
const SIZE: u64 = 256 << 20;

/// When all its files were changed, in seconds since 1970: the same build is the same archive.
const TIME: u64 = 1_767_225_600;

/// A script that unpacks the disk `device` in a machine that is booted. Nothing of an earlier disk may come from the
/// machine's memory.
pub(crate) fn unpack(device: &str) -> String {
    format!(
        "
set -eu
dd if={device} bs=1M iflag=direct status=none | tar --extract --directory=/ --keep-directory-symlink
systemctl daemon-reload
journalctl --quiet --update-catalog
"
    )
}

/// Makes `disk` without contents.
///
/// # Errors
/// It cannot be made.
pub(crate) fn blank(disk: &Path) -> anyhow::Result<()> {
    File::create(disk)
        .and_then(|file| file.set_len(SIZE))
        .with_context(|| disk.display().to_string())
}

/// Packs preseed, the test service and what the directory `root` holds into `disk`. Gives a word for this build: the same
/// one for the same files.
///
/// # Errors
/// A file cannot be installed or packed, or it is all too big.
pub(crate) fn pack(built: &Binaries, root: &Path, disk: &Path) -> anyhow::Result<String> {
    install::install(root, built)?;
    install::install_test_service(root, built)?;
    // The guest has the user, and accounts of its own.
    let accounts = ["passwd", "group", "shadow", "gshadow"];
    succeed(
        Command::new("tar")
            .args(["--create", "--sort=name", "--owner=0", "--group=0"])
            .arg(format!("--mtime=@{TIME}"))
            .args(accounts.map(|name| format!("--exclude=./etc/{name}*")))
            .arg("--file")
            .arg(disk)
            .arg("--directory")
            .arg(root)
            .arg("."),
    )?;
    let place = || disk.display().to_string();
    let archive = fs::read(disk).with_context(place)?;
    let size = archive.len() as u64;
    if size > SIZE {
        bail!("{}: {size} bytes, more than {SIZE}", disk.display());
    }
    let mut hasher = DefaultHasher::new();
    archive.hash(&mut hasher);
    let file = File::options().write(true).open(disk).with_context(place)?;
    file.set_len(SIZE).with_context(place)?;
    Ok(format!("{:016x}", hasher.finish()))
}
