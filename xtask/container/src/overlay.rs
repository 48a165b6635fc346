//! The machine's root, copied on write.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::mount::{MntFlags, MsFlags};

/// Mounts `/`, with `layers` over it, the topmost first, and all changes going to `upper`, and gives
/// the mount point. It and the overlay's work directory are made in `directory`.
///
/// # Errors
/// A directory cannot be made, or the mount fails.
pub(crate) fn mount<'a>(
    layers: impl IntoIterator<Item = &'a Path>,
    upper: &Path,
    directory: &Path,
) -> anyhow::Result<PathBuf> {
    let root = directory.join("root");
    let work = directory.join("work");
    for new in [upper, &root, &work] {
        fs::create_dir_all(new).with_context(|| new.display().to_string())?;
    }
    let lower = layers
        .into_iter()
        .map(|layer| format!("{}:", layer.display()));
    let lower: String = lower.collect();
    let options = format!(
        "lowerdir={lower}/,upperdir={},workdir={}",
        upper.display(),
        work.display()
    );
    nix::mount::mount(
        Some("overlay"),
        &root,
        Some("overlay"),
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .with_context(|| format!("mount an overlay with {options}"))?;
    Ok(root)
}

/// Undoes [`mount`]; what was written stays in the upper directory.
///
/// # Errors
/// It is in use.
pub(crate) fn unmount(root: &Path) -> anyhow::Result<()> {
    nix::mount::umount2(root, MntFlags::empty())
        .with_context(|| format!("unmount {}", root.display()))
}
