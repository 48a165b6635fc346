//! The disks of a machine, and their files.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// The disks, in the order of their names from `/dev/ubda` on.
pub(super) const DISKS: [&str; 3] = ["root", "tank", "vault"];

/// The file of a disk in a machine's directory.
pub(super) fn file(disk: &str) -> String {
    format!("{disk}.raw")
}

/// Moves all disks from one directory to another on the same file system.
pub(super) fn move_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in DISKS.map(file) {
        fs::rename(from.join(&file), to.join(&file)).with_context(|| file)?;
    }
    Ok(())
}
