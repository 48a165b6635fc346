//! A copy of a staged directory that is thrown away: an overlay, with the staged directory as its read-only lower layer
//! and memory as its upper one.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use declaration::settings::Service;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::trial::{Trial, bind};
use crate::{Error, Result, namespace, shown};

/// How much may be changed of the copy: of the machine's memory.
const UPPER: &str = "mode=0700,size=25%";

/// Gives `work` a copy of the directory `staging`; `files` (absolute, beside it) is where files are copied to for a
/// check, and is removed. See [`crate::Storage::try_out`].
pub(super) fn try_out(
    service: &Service,
    staging: &Path,
    files: &Path,
    work: &mut (dyn FnMut(&Trial) + Send),
) -> Result<()> {
    discard(files)?;
    let made = DirBuilder::new().mode(0o700).create(files);
    made.map_err(|error| refused(files, "cannot be created", &error))?;
    let tried = namespace::inside(&shown(staging), &namespace::needs(service), |place| {
        let [lower, upper, copy, on_disk] =
            ["lower", "upper", "copy", "files"].map(|name| namespace::directory(place, name));
        let (lower, upper, copy, on_disk) = (lower?, upper?, copy?, on_disk?);
        bind(files, &on_disk).map_err(|error| refused(files, "cannot be mounted", &error))?;
        let mounted = overlay(staging, &lower, &upper, &copy);
        mounted.map_err(|error| {
            Error::new(
                shown(staging),
                format!("no overlay can be mounted over it to check a copy of it: {error}"),
                "see that the kernel has overlayfs (`modprobe overlay`), and that we run as root",
            )
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

fn overlay(staging: &Path, lower: &Path, upper: &Path, copy: &Path) -> io::Result<()> {
    // Under a name without the characters that separate options.
    bind(staging, lower)?;
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
pub(super) fn discard(files: &Path) -> Result<()> {
    match std::fs::remove_dir_all(files) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(refused(files, "cannot be removed", &error))
        }
        _ => Ok(()),
    }
}

fn refused(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::new(
        shown(path),
        format!("{what}: {error}"),
        "see that its file system is sound, writable and has room, and that we run as root",
    )
}
