//! Looks into a snapshot without leaving a trace.

use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount, umount};
use nix::sched::{CloneFlags, unshare};

use super::found;
use crate::{Error, Result};

/// Where a snapshot is mounted, seen by nobody else.
const PLACE: &str = "/mnt";

/// Gives `look` a snapshot of a dataset of this machine, mounted or not, as a directory to read from.
///
/// It is mounted read-only in a mount namespace of a thread of its own, which is gone with the thread,
/// however the process ends. (`.zfs/snapshot` shows only the snapshots of mounted datasets,
/// and its automounts stay for minutes.) Programs that `look` starts see it as well.
pub(super) fn mounted<T: Send>(
    snapshot: &str,
    look: impl FnOnce(&Path) -> Result<T> + Send,
) -> Result<T> {
    let looked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let place = mount_privately(snapshot)?;
                let looked = look(&place);
                // The kernel takes the namespace down only after the thread has been joined: what is destroyed or
                // renamed next would be busy. If this fails, that says so.
                let _ = umount(&place);
                looked
            })
            .join()
    });
    looked.unwrap_or_else(|_| {
        Err(Error::new(
            snapshot,
            "looking into it ended in a panic",
            "report this as a bug",
        ))
    })
}

/// Gives where it is mounted, for this thread.
fn mount_privately(snapshot: &str) -> Result<PathBuf> {
    let refused = |what: &str, error: nix::Error| {
        Error::new(
            snapshot,
            format!("{what}: {error}"),
            "see that it can be mounted: its dataset's key loaded, its pool healthy (`zpool status`), and we run as root",
        )
    };
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)
        .map_err(|e| refused("no private mount namespace", e))?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)
        .map_err(|e| refused("the mount namespace cannot be detached", e))?;
    mount(Some("tmpfs"), PLACE, Some("tmpfs"), MsFlags::empty(), none)
        .map_err(|e| refused("no private directory to mount on", e))?;
    let place = Path::new(PLACE).join("snapshot");
    std::fs::create_dir(&place).map_err(|e| {
        Error::new(
            snapshot,
            format!("no private directory to mount on: {e}"),
            "report this as a bug",
        )
    })?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(snapshot), &place, Some("zfs"), flags, none).map_err(|e| {
        match found::must_be_readable(snapshot) {
            // The kernel only says that it may not.
            Err(locked) => locked,
            Ok(()) => refused("it cannot be mounted", e),
        }
    })?;
    Ok(place)
}
