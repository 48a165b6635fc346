//! A mount namespace of one thread's, in which it mounts what nobody else is to see.
//!
//! It is a slave of the host's: what the host unmounts is unmounted in it as well. Of ZFS it sees only what the work
//! needs, so that a long restore keeps no other dataset, pool or disk busy. It is gone with the thread and the programs
//! that the thread started, however they end.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use declaration::settings::{Check, Service};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::{Error, Result, links, mountinfo, shown};

/// Where the thread mounts: for root alone, also in the host's namespace, where it is empty.
pub(crate) const PLACE: &str = "/run/preseed/private";

/// What is above it. Declarations may be here as well, for all to read.
const SHARED: &str = "/run/preseed";

/// Programs, their libraries and their configuration: what is mounted in them stays.
const SYSTEM: [&str; 11] = [
    "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix", "/gnu", "/root",
];

/// Directories that programs write to: what they are on stays, but not what is mounted in them.
const SCRATCH: [&str; 3] = ["/tmp", "/var/tmp", "/var/cache"];

/// What of the machine's file systems work for `service` needs besides the system itself: a repository on this
/// machine, restic's cache, the programs that check.
pub(crate) fn needs(service: &Service) -> Vec<PathBuf> {
    let mut needs: Vec<PathBuf> = Vec::new();
    if let Some(backup) = &service.backup {
        let url = backup.repository.url.as_str();
        let path = url.strip_prefix("local:").unwrap_or(url);
        needs.extend(path.starts_with('/').then(|| PathBuf::from(path)));
        needs.push(backup.repository.password_file.clone());
    }
    // Where restic, ssh and rclone keep what they need.
    for variable in ["CACHE_DIRECTORY", "CREDENTIALS_DIRECTORY", "HOME", "TMPDIR"] {
        needs.extend(std::env::var_os(variable).map(PathBuf::from));
    }
    for check in &service.verify {
        if let Check::Command(command) = check {
            let paths = command.words.iter().filter(|word| word.starts_with('/'));
            needs.extend(paths.map(PathBuf::from));
        }
    }
    // Where a link leads counts, and the link itself may be on another file system.
    let real: Vec<PathBuf> = needs.iter().map(|path| links::followed(path)).collect();
    needs.extend(real);
    needs
}

/// Runs `work` in a thread with a mount namespace of its own; of ZFS it sees what holds `needs`. `work` is given an
/// empty directory for root alone in which it can make directories and mount on them. `subject` is what errors are about.
///
/// # Errors
/// When there can be no such namespace; else what `work` gives.
pub(crate) fn inside<T: Send>(
    subject: &str,
    needs: &[PathBuf],
    work: impl FnOnce(&Path) -> Result<T> + Send,
) -> Result<T> {
    make_place(subject)?;
    let worked = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                detach(subject, needs)?;
                work(Path::new(PLACE))
            })
            .join()
    });
    worked.unwrap_or_else(|_| {
        Err(Error::internal(
            subject,
            "work in a mount namespace of its own ended in a panic",
        ))
    })
}

/// Makes a directory in the place that [`inside`] gives.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn directory(place: &Path, name: &str) -> Result<PathBuf> {
    let path = place.join(name);
    DirBuilder::new()
        .mode(0o700)
        .create(&path)
        .map_err(|error| {
            Error::internal(
                shown(&path),
                format!("cannot be created to mount on: {error}"),
            )
            .caused_by(&error)
        })?;
    Ok(path)
}

/// Makes the directory on the host that is mounted on in the namespace.
fn make_place(subject: &str) -> Result<()> {
    let refused = |what: String| {
        Error::new(
            subject,
            format!("there is no directory of root's alone at {PLACE}: {what}"),
            "see that /run is writable, remove what stands there, and see that we run as root",
        )
    };
    for (path, mode) in [(SHARED, 0o755), (PLACE, 0o700)] {
        match DirBuilder::new().mode(mode).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(refused(error.to_string()));
            }
            _ => {}
        }
        let found = std::fs::symlink_metadata(path).map_err(|error| refused(error.to_string()))?;
        let others = if path == PLACE { 0o077 } else { 0o022 };
        if !found.is_dir() || found.uid() != 0 || found.mode() & others != 0 {
            return Err(refused(format!(
                "{path} belongs to user {} with mode {:04o}",
                found.uid(),
                found.mode() & 0o7777
            )));
        }
    }
    Ok(())
}

/// Gives this thread its namespace.
fn detach(subject: &str, needs: &[PathBuf]) -> Result<()> {
    let refused = |what: &str, error: nix::Error| {
        Error::new(
            subject,
            format!("{what}: {error}"),
            "see that we run as root, and that `RestrictNamespaces=` of the unit allows `mnt`",
        )
        .caused_by(&error)
    };
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)
        .map_err(|error| refused("no mount namespace of its own", error))?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)
        .map_err(|error| refused("the mount namespace cannot be detached", error))?;
    for point in mountinfo::points_of_zfs()?.into_iter().rev() {
        if !is_needed(&point, needs) {
            // Should it stay, the host's unmount takes it along.
            let _ = umount2(&point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
        }
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        PLACE,
        Some("tmpfs"),
        flags,
        Some("mode=0700"),
    )
    .map_err(|error| refused("no directory of its own to mount in", error))
}

/// Whether the work needs what is mounted at `point`.
fn is_needed(point: &Path, needs: &[PathBuf]) -> bool {
    let holds = |path: &OsStr| Path::new(path).starts_with(point);
    let is_in = |path: &OsStr| point.starts_with(path);
    SYSTEM
        .iter()
        .map(OsStr::new)
        .chain(needs.iter().map(|path| path.as_os_str()))
        .any(|path| holds(path) || is_in(path))
        || SCRATCH.iter().any(|path| holds(OsStr::new(path)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_the_work_needs_stays_mounted() {
        let needs = [PathBuf::from("/backup/restic")];
        for stays in [
            "/",
            "/usr",
            "/usr/local",
            "/nix/store",
            "/var",
            "/var/cache",
            "/backup",
            "/backup/restic",
            "/backup/restic/data",
        ] {
            assert!(is_needed(Path::new(stays), &needs), "{stays}");
        }
        for goes in ["/var/lib/sonarr", "/srv", "/backup/other", "/home", "/usrx"] {
            assert!(!is_needed(Path::new(goes), &needs), "{goes}");
        }
    }

    #[test]
    fn what_is_mounted_there_is_seen_by_nobody_else() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        inside("test", &[], |place| {
            let directory = directory(place, "a").unwrap();
            std::fs::write(directory.join("seen"), "").unwrap();
            let child = std::process::Command::new("ls").arg(&directory).output();
            assert_eq!(child.unwrap().stdout, b"seen\n");
            Ok(())
        })
        .unwrap();
        assert_eq!(std::fs::read_dir(PLACE).unwrap().count(), 0);
    }
}
