//! The directory a service's data is seen at: what may be mounted over, and whom it belongs to.

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use declaration::settings::Service;
use declaration::value::Principal;
use rustix::fs::CWD;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::tree::{self, Next};
use crate::way::{self, Spot};
use crate::{Error, Result, accounts, mountinfo, quoted, shown, step};

/// That something can be mounted at the service's place: nobody else can have put a link on the way, and nothing is
/// hidden by it (see [`must_hide_nothing`]).
///
/// # Errors
/// When not, or when it cannot be told.
pub(crate) fn must_be_mountable(service: &Service) -> Result<()> {
    safe_way(service)?;
    must_hide_nothing(&service.mountpoint)
}

/// That only root, or the service's own user, can write to the directories above its place, as far as they are there.
fn safe_way(service: &Service) -> Result<()> {
    let own = owner(service).ok();
    let mut above = service.mountpoint.parent();
    while let Some(path) = above {
        if !matches!(path.try_exists(), Ok(false)) {
            let way = way::down(path, own, false)?;
            return way.last().map_or(Ok(()), way::Held::must_be_safe);
        }
        above = path.parent();
    }
    Ok(())
}

/// What keeps root from restoring a service's data where it belongs, should it be lost: another user can write to a
/// directory above it. `None` if nothing does. Its data is safe meanwhile.
#[must_use]
pub fn warning(service: &Service) -> Option<Error> {
    safe_way(service).err()
}

/// Whether something can be mounted on `path` without hiding anything: it is missing, or a directory that holds no file and no
/// mount, at any depth.
///
/// # Errors
/// When files would be hidden, or when it cannot be told.
pub(crate) fn must_hide_nothing(path: &Path) -> Result<()> {
    must_hide_nothing_in(path, path)
}

/// The same for the directory that `at` leads to, which people know as `path`.
///
/// # Errors
/// As [`must_hide_nothing`].
pub(crate) fn must_hide_nothing_in(at: &Path, path: &Path) -> Result<()> {
    let fault = |what: String, help: String| Err(Error::new(shown(path), what, help));
    let mut entries = match std::fs::read_dir(at) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match at.symlink_metadata() {
                Err(_) => Ok(()),
                Ok(_) => fault(
                    "is a link to nowhere".into(),
                    "remove the link, or declare its target as the mountpoint".into(),
                ),
            };
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return fault(
                "is not a directory".into(),
                "move it away, or declare another mountpoint".into(),
            );
        }
        Err(error) => {
            return fault(
                format!("cannot be looked into: {error}"),
                "see why with `ls -la`".into(),
            );
        }
    };
    if entries.next().is_none() {
        return Ok(());
    }
    // Directories that tmpfiles or a package made there are no files, unless something is mounted on one.
    let hidden = match mountinfo::below(path)? {
        Some(point) => point,
        None => match a_file_in(at) {
            Ok(None) => return Ok(()),
            Ok(Some(file)) => file,
            Err(error) => {
                return fault(
                    format!("cannot be looked into: {error}"),
                    "see why with `ls -la`".into(),
                );
            }
        },
    };
    fault(
        format!(
            "holds files (`{}`) that mounting would hide",
            shown(&hidden)
        ),
        format!(
            "if they are the service's data: `mv {0} {1}`, start its dataset-….service alone, which makes and \
             mounts the dataset, `cp -a {1}/. {0}/`, then start the service; if they are not, move them away and \
             start it",
            quoted(path),
            quoted(&beside(path))
        ),
    )
}

/// What lies at any depth of a directory and is no directory itself: the first that is found. Of very many directories, one of
/// them is taken for it.
fn a_file_in(directory: &Path) -> std::io::Result<Option<PathBuf>> {
    const MANY: usize = 10_000;
    let mut looked = 0;
    // A walk does not begin at a link, which a path to a descriptor is.
    tree::walk(&directory.join("."), |entry| {
        looked += 1;
        if entry.is_directory() && looked <= MANY {
            ControlFlow::Continue(Next::Enter)
        } else {
            ControlFlow::Break(entry.path())
        }
    })
}

/// Where files are moved that are in the way: beside them.
fn beside(path: &Path) -> PathBuf {
    let mut beside = path.to_path_buf();
    beside.as_mut_os_string().push(".before");
    beside
}

/// That nothing is mounted below `path`, at other places in it than `but`: it would move away with what a restore
/// replaces. Other parts of the service are mounted again.
///
/// # Errors
/// When something is, or when it cannot be told.
pub(crate) fn must_have_no_mounts_below(path: &Path, but: &[PathBuf]) -> Result<()> {
    let is_ours = |point: &PathBuf| {
        let below = point.strip_prefix(path);
        below.is_ok_and(|below| but.iter().any(|place| below == place))
    };
    let others = mountinfo::all_below(path)?;
    match others.into_iter().find(|point| !is_ours(point)) {
        None => Ok(()),
        Some(point) => Err(Error::new(
            shown(path),
            format!(
                "something is mounted below it, at {}, and would move away with what is replaced",
                shown(&point)
            ),
            format!(
                "`umount '{}'`, then start the service again",
                point.display()
            ),
        )
        .of_kind(crate::ErrorKind::InTheWay)),
    }
}

/// The names directly below `directory` on which something is mounted, and which hold nothing beneath it.
///
/// # Errors
/// When it cannot be told.
pub(crate) fn bare_mountpoints_in(directory: &Path) -> Result<Vec<OsString>> {
    let names: Vec<OsString> = mountinfo::all_below(directory)?
        .iter()
        .filter(|point| point.parent() == Some(directory))
        .filter_map(|point| point.file_name().map(ToOwned::to_owned))
        .collect();
    let Some(first) = names.first() else {
        return Ok(names);
    };
    let unseen = |name: &OsStr, error: std::io::Error| {
        Error::new(
            shown(&directory.join(name)),
            format!("what lies beneath what is mounted there cannot be looked at: {error}"),
            "unmount it and look, then start the service again",
        )
        .caused_by(&error)
    };
    // A copy of this one mount, without those below it (open_tree(2)).
    let beneath = open_tree(
        CWD,
        directory,
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC,
    )
    .map_err(|error| unseen(first, error.into()))?;
    let beneath = PathBuf::from(format!("/proc/self/fd/{}", beneath.as_raw_fd()));
    let mut bare = Vec::new();
    for name in names {
        let mut entries =
            std::fs::read_dir(beneath.join(&name)).map_err(|error| unseen(&name, error))?;
        if entries.next().is_none() {
            bare.push(name);
        }
    }
    Ok(bare)
}

/// Unmounts what is mounted on `path`. Never by force.
///
/// # Errors
/// When it is in use, or cannot be unmounted.
pub(crate) fn unmount(path: &Path) -> Result<()> {
    step::at(|| format!("unmount {}", shown(path)));
    nix::mount::umount(path).map_err(|error| {
        Error::new(
            shown(path),
            format!("cannot be unmounted: {error}"),
            format!(
                "see what uses it with `fuser -vm '{}'`, stop that, then start the service again",
                path.display()
            ),
        )
        .caused_by(&error)
    })
}

/// Gives the directory `path` (absolute) the declared owner, group and mode. The changes are added to `changes`, in
/// words. No link of another user's is followed.
///
/// # Errors
/// When the user or group does not exist, or the change is refused.
pub(crate) fn own(path: &Path, service: &Service, changes: &mut Vec<String>) -> Result<()> {
    let who = owner(service);
    let way = way::down(path, who.as_ref().ok().copied(), false)?;
    let held = way.last().map(|held| held.entry("."));
    match held {
        Some(held) => give(&held, who?, service, changes),
        None => Ok(()),
    }
}

/// The same for the user and group of these numbers (see [`owner`]), where who tells their names may not be seen.
///
/// # Errors
/// When the change is refused.
pub(crate) fn own_as(path: &Path, who: (u32, u32), service: &Service) -> Result<()> {
    let way = way::down(path, Some(who), false)?;
    let held = way.last().map(|held| held.entry("."));
    held.map_or(Ok(()), |held| give(&held, who, service, &mut Vec::new()))
}

/// The same for a directory that is held.
///
/// # Errors
/// When the user or group does not exist, or the change is refused.
pub(crate) fn own_spot(spot: &Spot, service: &Service, changes: &mut Vec<String>) -> Result<()> {
    give(spot, owner(service)?, service, changes)
}

fn give(
    spot: &Spot,
    (uid, gid): (u32, u32),
    service: &Service,
    changes: &mut Vec<String>,
) -> Result<()> {
    let path = &spot.real;
    let refused = |what: &str, error: std::io::Error| {
        Error::new(
            shown(path),
            format!("{what} cannot be changed: {error}"),
            "see that it is a directory, and that its file system is writable",
        )
        .caused_by(&error)
    };
    let directory = spot.open().map_err(|error| refused("its owner", error))?;
    let metadata = |what| directory.metadata().map_err(|error| refused(what, error));
    let found = metadata("its owner")?;
    if (found.uid(), found.gid()) != (uid, gid) {
        step::at(|| format!("chown {}", shown(path)));
        fchown(&directory, Some(uid), Some(gid)).map_err(|error| refused("its owner", error))?;
        changes.push(format!(
            "owner {}:{} (was {}:{})",
            service.owner,
            service.group,
            found.uid(),
            found.gid()
        ));
    }
    // After chown(2), which clears the set-id bits.
    let mode = service.mode.bits();
    if metadata("its mode")?.mode() & 0o7777 != mode {
        step::at(|| format!("chmod {}", shown(path)));
        directory
            .set_permissions(Permissions::from_mode(mode))
            .map_err(|error| refused("its mode", error))?;
        let was = found.mode() & 0o7777;
        changes.push(format!("mode {mode:04o} (was {was:04o})"));
    }
    Ok(())
}

/// The numbers of the declared owner and group.
///
/// # Errors
/// When the user or group does not exist, or cannot be asked for.
pub fn owner(service: &Service) -> Result<(u32, u32)> {
    Ok((
        user(&service.owner, service)?,
        group(&service.group, service)?,
    ))
}

/// Whether `path` is as a directory or a dataset is that was just made: empty, root's, and of the usual mode.
///
/// # Errors
/// When it cannot be looked at.
pub(crate) fn is_as_made(path: &Path) -> Result<bool> {
    let unseen = |error: std::io::Error| {
        Error::new(
            shown(path),
            format!("cannot be looked at: {error}"),
            "see that its file system is sound, and that we run as root",
        )
        .caused_by(&error)
    };
    let metadata = path.symlink_metadata().map_err(unseen)?;
    if (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777) != (0, 0, 0o755) {
        return Ok(false);
    }
    Ok(std::fs::read_dir(path).map_err(unseen)?.next().is_none())
}

fn user(principal: &Principal, service: &Service) -> Result<u32> {
    if let Ok(number) = principal.as_str().parse() {
        return Ok(number);
    }
    match accounts::user(principal.as_str()) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(unknown("user", "useradd --system", principal, service)),
        Err(error) => Err(unasked("user", principal, service, &error)),
    }
}

fn group(principal: &Principal, service: &Service) -> Result<u32> {
    if let Ok(number) = principal.as_str().parse() {
        return Ok(number);
    }
    match accounts::group(principal.as_str()) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(unknown("group", "groupadd --system", principal, service)),
        Err(error) => Err(unasked("group", principal, service, &error)),
    }
}

fn unknown(kind: &str, tool: &str, principal: &Principal, service: &Service) -> Error {
    Error::new(
        shown(&service.source),
        format!("there is no {kind} `{principal}` on this machine"),
        format!("create it, e.g. with `{tool} {principal}`, or declare another in [dataset]"),
    )
    .of_kind(crate::ErrorKind::Gone)
    .that_heals()
}

fn unasked(kind: &str, principal: &Principal, service: &Service, error: &str) -> Error {
    Error::new(
        shown(&service.source),
        format!("cannot ask for the {kind} `{principal}`: {error}"),
        "see that the sources in /etc/nsswitch.conf answer",
    )
    .of_kind(crate::ErrorKind::Unreachable)
    .that_heals()
}
