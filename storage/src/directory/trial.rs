//! A copy of a staged directory that is thrown away: an overlay, with the staged directory as its read-only lower layer
//! and memory as its upper one.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use declaration::settings::Service;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::trial::{Tree, Trial};
use crate::way::Spot;
use crate::{Error, Result, namespace, shown};

/// How much may be changed of the copy: of the machine's memory.
const UPPER: &str = "mode=0700,size=25%";

/// Gives `work` a copy of the directory `staging`; `files`, beside it, is where files are copied to for a check, and is
/// removed. See [`crate::Staging::try_out`].
pub(super) fn try_out(
    service: &Service,
    staging: &Spot,
    files: &Spot,
    work: &mut (dyn FnMut(&Trial) + Send),
) -> Result<()> {
    discard(files)?;
    let made = DirBuilder::new().mode(0o700).create(&files.at);
    made.map_err(|error| refused(files, "cannot be created", &error))?;
    let tree = |spot: &Spot| {
        let tree = spot.open().and_then(|directory| Tree::of(&directory));
        tree.map_err(|error| refused(spot, "cannot be mounted elsewhere", &error))
    };
    let (from, room) = (tree(staging)?, tree(files)?);
    let subject = shown(&staging.real);
    let tried = namespace::inside(&subject, &namespace::needs(service), |place| {
        let [lower, upper, copy, on_disk] =
            ["lower", "upper", "copy", "files"].map(|name| namespace::directory(place, name));
        let (lower, upper, copy, on_disk) = (lower?, upper?, copy?, on_disk?);
        let mounted = room
            .mount_at(&on_disk)
            .and_then(|()| overlay(&from, &lower, &upper, &copy));
        mounted.map_err(|error| {
            Error::new(
                &subject,
                format!("no overlay can be mounted over it to check a copy of it: {error}"),
                "see that the kernel has overlayfs (`modprobe overlay`), and that we run as root",
            )
            .caused_by(&error)
        })?;
        work(&Trial {
            root: copy.clone(),
            files: on_disk.clone(),
        });
        for path in [&copy, &lower, &upper, &on_disk] {
            // The namespace goes with the thread all the same.
            let _ = umount2(path, MntFlags::MNT_DETACH);
        }
        Ok(())
    });
    let thrown_away = discard(files);
    tried.and(thrown_away)
}

fn overlay(staging: &Tree, lower: &Path, upper: &Path, copy: &Path) -> io::Result<()> {
    // Under a name without the characters that separate options.
    staging.mount_at(lower)?;
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), upper, Some("tmpfs"), harmless, Some(UPPER))?;
    let (data, work) = (upper.join("data"), upper.join("work"));
    for directory in [&data, &work] {
        DirBuilder::new().mode(0o700).create(directory)?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        data.display(),
        work.display()
    );
    mount(
        Some("preseed-check"),
        copy,
        Some("overlay"),
        harmless,
        Some(&*options),
    )?;
    Ok(())
}

/// Removes what a check has left on the disk.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn discard(files: &Spot) -> Result<()> {
    match crate::tree::remove(&files.at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(refused(files, "cannot be removed", &error))
        }
        _ => Ok(()),
    }
}

fn refused(spot: &Spot, what: &str, error: &io::Error) -> Error {
    Error::new(
        shown(&spot.real),
        format!("{what}: {error}"),
        "see that its file system is sound, writable and has room, and that we run as root",
    )
    .caused_by(error)
}
