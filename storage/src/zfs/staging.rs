//! The dataset beside the real one in which a restore is prepared.

use std::path::{Path, PathBuf};

use super::{Zfs, apply, call, properties, receive};
use crate::mark::{PROPERTY, Stage};
use crate::{Error, Mark, MarkState, Origin, Result, Staged};

/// Where staged datasets are mounted.
const MOUNTS: &str = "/run/preseed/staging";

/// Keeps zfs-mount-generator(8) away from datasets that are not in their place.
pub(super) const IGNORED: &str = "org.openzfs.systemd:ignore";

/// See [`crate::Storage::stage`].
pub(super) fn stage(
    zfs: &Zfs<'_>,
    origin: &Origin<'_>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Staged> {
    discard(zfs)?;
    let staging = zfs.staging_name();
    let path = path(zfs);
    let mut options = Vec::new();
    for (property, value) in apply::declared(zfs) {
        let value = match property {
            "mountpoint" => path.to_string_lossy().into_owned(),
            "canmount" => "noauto".to_owned(),
            _ => value,
        };
        options.push(format!("{property}={value}"));
    }
    options.extend(apply::AT_CREATION.iter().map(|option| (*option).to_owned()));
    options.push(format!("{IGNORED}=on"));
    // Tells ours from a dataset that merely has the name, before its guid is known.
    let unbound = Mark::new(Stage::Staging, "preseed", "").bound_to(UNBOUND);
    options.push(format!("{PROPERTY}={unbound}"));
    let options: Vec<&str> = options
        .iter()
        .flat_map(|option| ["-o", option.as_str()])
        .collect();
    let made = match origin {
        Origin::Empty => call::zfs(&[&["create"], &options[..], &[&staging]].concat()).map(drop),
        Origin::Clone(snapshot) => {
            call::zfs(&[&["clone"], &options[..], &[&snapshot.name, &staging]].concat()).map(drop)
        }
        Origin::Receive(snapshot) => receive::receive(snapshot, &staging, &options, progress),
    };
    let mounted = made.and_then(|()| {
        std::fs::create_dir_all(&path).map_err(|error| {
            Error::new(
                path.to_string_lossy(),
                format!("cannot be created: {error}"),
                "see that /run is writable",
            )
        })?;
        call::zfs(&["mount", &staging]).map(drop)
    });
    if let Err(error) = mounted {
        return Err(match discard(zfs) {
            Ok(()) => error,
            Err(also) => {
                error.while_doing(&format!("what was staged is left behind ({also}) after"))
            }
        });
    }
    Ok(Staged { path })
}

/// What an incomplete staging's mark is bound to.
const UNBOUND: &str = "staging";

/// Throws the staged dataset away, if there is one. It must carry the mark of an incomplete staging:
/// that of a complete one is swapped in instead.
pub(super) fn discard(zfs: &Zfs<'_>) -> Result<()> {
    let staging = zfs.staging_name();
    let Some(found) = properties::get(&staging)? else {
        return Ok(());
    };
    if !is_ours(&found) {
        return Err(Error::new(
            staging.as_str(),
            "it stands where restores are staged, and is not preseed's",
            format!(
                "look into it, rename it with `zfs rename {staging} …`, then start the service again"
            ),
        ));
    }
    // With -r for the one snapshot that a receive brings; staged datasets have no children,
    // and clones of them do not exist. Never -R, never -f.
    call::zfs(&["destroy", "-r", &staging]).map(drop)
}

/// Whether a dataset is one that a restore staged and did not finish.
pub(super) fn is_ours(found: &properties::Properties) -> bool {
    found
        .local_mark(UNBOUND)
        .is_some_and(|mark| mark.stage == Stage::Staging)
        || matches!(found.mark(), MarkState::Ours(mark) if mark.stage == Stage::Staging)
}

/// Whether a complete staged dataset waits to be swapped in, and its mark.
pub(super) fn complete(zfs: &Zfs<'_>) -> Result<Option<Mark>> {
    let Some(found) = properties::get(&zfs.staging_name())? else {
        return Ok(None);
    };
    match found.mark() {
        MarkState::Ours(mark) if mark.stage == Stage::Staged => Ok(Some(mark)),
        _ => Ok(None),
    }
}

/// Where a service's staged dataset is mounted.
pub(super) fn path(zfs: &Zfs<'_>) -> PathBuf {
    Path::new(MOUNTS).join(zfs.service.name.as_str())
}
