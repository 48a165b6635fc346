//! A mount namespace of one's own: whatever ends this process, its mounts and their loop devices
//! go with it, and nothing of the machine has changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Where the containers' files are, in this process's namespace only.
const WORK: &str = "/run/preseed-container";

/// systemd-nspawn's own directory for what it shares with containers. It must not be on a disk:
/// nspawn refuses to remove it there.
const NSPAWN: &str = "/run/systemd/nspawn";

/// Moves this process, which must have one thread, and all it starts into a mount namespace of
/// its own, and gives an empty directory there.
///
/// # Errors
/// It may not.
pub(crate) fn enter() -> anyhow::Result<PathBuf> {
    unshare(CloneFlags::CLONE_NEWNS).context("unshare the mount namespace")?;
    let nothing: Option<&str> = None;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )
    .context("make mounts private")?;
    for directory in [WORK, NSPAWN] {
        fs::create_dir_all(directory).context(directory)?;
        mount(
            Some("tmpfs"),
            directory,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("mode=755"),
        )
        .with_context(|| format!("mount a tmpfs on {directory}"))?;
    }
    Ok(Path::new(WORK).to_owned())
}
