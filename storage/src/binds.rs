//! Bind mounts of a service's data that the whole machine sees: from /etc/fstab, from a `.mount` unit, made by hand.
//! They are taken down before the data is replaced, and put back on what replaced it.
//!
//! With umount(2) and mount(2), never by a job of systemd's: to stop a mount unit stops what requires it. What is to be
//! put back is noted in /run first, so that a run which is killed in between is made good by the next.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use declaration::settings::Service;
use nix::mount::{MsFlags, mount};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::holders::Data;
use crate::mountinfo::{self, Mount};
use crate::{Error, Result, quoted, shown, step};

/// Where it is noted which are to be put back. For root alone.
const NOTES: &str = "/run/preseed/binds";

/// A bind mount of a service's data, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    /// Where it is.
    pub(crate) point: PathBuf,
    /// What of the data it shows: empty for all of it.
    pub(crate) part: PathBuf,
    /// Its own options.
    flags: MsFlags,
    /// The number of the mount that it hides; 0 if it hides none.
    beneath: u64,
}

/// The mounts of this data that the whole machine sees, but for the one on `place`, in the order in which they
/// were made.
///
/// # Errors
/// When one of them could not be taken down and put back: something else is mounted over it, or below it.
pub(crate) fn of(table: &[Mount], data: &Data<'_>, place: &Path) -> Result<Vec<Bind>> {
    let place = mountinfo::without_links(place);
    let is_it = |mount: &Mount| data.is_shown_by(mount) && mount.point != place;
    let mut binds = Vec::new();
    for mount in table.iter().filter(|mount| is_it(mount)) {
        let other = table.iter().find(|other| {
            other.id != mount.id && !is_it(other) && !other.is_a_look() && other.parent == mount.id
        });
        if let Some(other) = other {
            return Err(Error::new(
                shown(&mount.point),
                format!(
                    "the service's data is mounted there too, and something else on it, at {}",
                    shown(&other.point)
                ),
                format!(
                    "`umount {}`, then start the service again",
                    quoted(&other.point)
                ),
            )
            .of_kind(crate::ErrorKind::InTheWay));
        }
        let part = match data {
            Data::Dataset(_) | Data::SnapshotsOf(_) => {
                mount.root.strip_prefix("/").unwrap_or(&mount.root)
            }
            Data::Directory(_, path) => mount.root.strip_prefix(path).unwrap_or(&mount.root),
        };
        binds.push(Bind {
            point: mount.point.clone(),
            part: part.to_owned(),
            flags: mount.flags(),
            beneath: beneath(table, mount, &is_it),
        });
    }
    Ok(binds)
}

/// The number of what is mounted on the same place beneath a mount, and is not of the same data.
fn beneath(table: &[Mount], mount: &Mount, is_it: &impl Fn(&Mount) -> bool) -> u64 {
    table
        .iter()
        .rev()
        .find(|other| other.point == mount.point && !is_it(other))
        .map_or(0, |other| other.id)
}

/// That what replaces the data, which is at `root`, has each part that is bound, so that it can be put back.
///
/// # Errors
/// When it lacks one.
pub(crate) fn must_fit(binds: &[Bind], root: &Path) -> Result<()> {
    for bind in binds {
        let opened = open_directory(root).and_then(|root| open_part(&root, &bind.part));
        opened.map_err(|error| {
            Error::new(
                shown(&bind.point),
                format!(
                    "`{}` of the service's data is mounted there, and what was restored has none ({error})",
                    shown(&bind.part)
                ),
                format!(
                    "`umount {}`, then start the service again",
                    quoted(&bind.point)
                ),
            ).caused_by(&error)
        })?;
    }
    Ok(())
}

/// Notes which are to be put back, before they are taken down. None leaves no note.
///
/// # Errors
/// When it cannot be noted.
pub(crate) fn note(service: &Service, binds: &[Bind]) -> Result<()> {
    if binds.is_empty() {
        return Ok(());
    }
    let path = note_of(service);
    let refused = |error: std::io::Error| {
        Error::new(
            shown(&path),
            format!("cannot be written: {error}"),
            "see that /run is writable and has room, and that we run as root",
        )
        .caused_by(&error)
    };
    let mut builder = DirBuilder::new();
    match builder.mode(0o700).create(NOTES) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
        _ => {}
    }
    let new = path.with_extension("new");
    let written = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&new)
        .and_then(|mut file| file.write_all(&to_text(binds)))
        .and_then(|()| fs::rename(&new, &path));
    written.map_err(refused)
}

/// Puts back what was taken down, on what is at the service's place now, and forgets it. What is there already is left.
/// Gives where it did, in words.
///
/// # Errors
/// When one cannot be put back. The next run tries again.
pub(crate) fn put_back(service: &Service) -> Result<Vec<String>> {
    let path = note_of(service);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(
                shown(&path),
                format!("cannot be read: {error}"),
                "see that /run is sound, and that we run as root",
            )
            .caused_by(&error));
        }
    };
    let mut done = Vec::new();
    for bind in from_text(&text) {
        if put_back_one(service, &bind)? {
            done.push(format!(
                "mounted the data at {} as before",
                shown(&bind.point)
            ));
        }
    }
    fs::remove_file(&path).map_err(|error| {
        Error::new(
            shown(&path),
            format!("cannot be removed: {error}"),
            "see that /run is writable, and that we run as root",
        )
        .caused_by(&error)
    })?;
    Ok(done)
}

fn put_back_one(service: &Service, bind: &Bind) -> Result<bool> {
    let source = service.mountpoint.join(&bind.part);
    let refused = |what: String| {
        Error::new(
            shown(&bind.point),
            format!(
                "the service's data was mounted there before it was restored, and cannot be again: {what}"
            ),
            format!(
                "`mount --bind {} {}`, then start the service again",
                quoted(&source),
                quoted(&bind.point)
            ),
        ).of_kind(crate::ErrorKind::NotMounted)
    };
    let data = open_directory(&service.mountpoint)
        .and_then(|root| open_part(&root, &bind.part))
        .map_err(|error| {
            refused(format!("{} cannot be opened: {error}", shown(&source))).caused_by(&error)
        })?;
    let point = open_point(&bind.point).map_err(|error| refused(error.to_string()))?;
    let same = |a: &OwnedFd, b: &OwnedFd| -> std::io::Result<bool> {
        let (a, b) = (metadata(a)?, metadata(b)?);
        Ok((a.dev(), a.ino()) == (b.dev(), b.ino()))
    };
    let none: Option<&str> = None;
    let by_descriptor = |fd: &OwnedFd| PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let set_flags = || {
        // No link is followed to it, and it shows the data: it is what is to have these options.
        let now = open_point(&bind.point).map_err(|error| refused(error.to_string()))?;
        if !same(&data, &now).map_err(|error| refused(error.to_string()))? {
            return Err(refused("something else is seen there".to_owned()));
        }
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | bind.flags;
        let set = mount(none, &by_descriptor(&now), none, flags, none);
        set.map_err(|error| refused(format!("its options: {error}")).caused_by(&error))
    };
    if same(&data, &point).map_err(|error| refused(error.to_string()))? {
        // It may have been made read-only already.
        return set_flags().map(|()| false);
    }
    if let Some(other) = mountinfo::at(&bind.point)?
        && other.id != bind.beneath
    {
        return Err(refused(format!(
            "{} `{}` is mounted there since",
            other.kind, other.source
        )));
    }
    step::at(|| format!("mount --bind {} {}", shown(&source), shown(&bind.point)));
    let mounted = mount(
        Some(&by_descriptor(&data)),
        &by_descriptor(&point),
        none,
        MsFlags::MS_BIND,
        none,
    );
    mounted.map_err(|error| refused(error.to_string()))?;
    // A bind mount takes over the options of what it is made from: its own are set afterwards (mount(2)).
    set_flags().map(|()| true)
}

fn metadata(fd: &OwnedFd) -> std::io::Result<fs::Metadata> {
    File::from(fd.try_clone()?).metadata()
}

fn open_directory(path: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// A part of the data, which its user may have made to lead anywhere: no link on the way is followed.
fn open_part(root: &OwnedFd, part: &Path) -> std::io::Result<OwnedFd> {
    if part == Path::new("") {
        return root.try_clone();
    }
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    Ok(openat2(root.as_fd(), part, flags, Mode::empty(), resolve)?)
}

/// A place as mountinfo tells it: it has no links.
fn open_point(point: &Path) -> std::io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    Ok(openat2(CWD, point, flags, Mode::empty(), resolve)?)
}

fn note_of(service: &Service) -> PathBuf {
    Path::new(NOTES).join(service.name.as_str())
}

/// Four fields each, ended by NUL: no path holds one.
fn to_text(binds: &[Bind]) -> Vec<u8> {
    let mut text = Vec::new();
    for bind in binds {
        let flags = bind.flags.bits().to_string();
        let beneath = bind.beneath.to_string();
        for field in [
            flags.as_bytes(),
            beneath.as_bytes(),
            bind.part.as_os_str().as_bytes(),
            bind.point.as_os_str().as_bytes(),
        ] {
            text.extend_from_slice(field);
            text.push(0);
        }
    }
    text
}

fn from_text(text: &[u8]) -> Vec<Bind> {
    let fields: Vec<&[u8]> = text.split(|&b| b == 0).collect();
    let path = |field: &[u8]| PathBuf::from(OsString::from_vec(field.to_vec()));
    fields
        .chunks_exact(4)
        .filter_map(|four| {
            let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse::<u64>().ok();
            Some(Bind {
                flags: MsFlags::from_bits_truncate(number(four[0])?),
                beneath: number(four[1])?,
                part: path(four[2]),
                point: path(four[3]),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_note_reads_back_as_it_was_written() {
        let bind = |point: &str, part: &str, flags| Bind {
            point: point.into(),
            part: part.into(),
            flags,
            beneath: 7,
        };
        let binds = [
            bind("/var/lib/a\nb", "", MsFlags::empty()),
            bind("/c d", "sub/e", MsFlags::MS_RDONLY | MsFlags::MS_NOSUID),
        ];
        assert_eq!(from_text(&to_text(&binds)), binds);
    }

    #[test]
    fn what_something_else_is_mounted_on_is_not_taken_down() {
        let table = |more: &str| {
            let table = format!(
                "1 0 8:1 / / rw - ext4 /dev/sda rw\n\
                 10 1 0:50 / /srv/app rw - zfs tank/app rw\n\
                 11 1 0:50 / /a rw,nosuid - zfs tank/app rw\n\
                 12 11 0:50 /sub /a/b rw - zfs tank/app rw\n{more}"
            );
            mountinfo::read(table.as_bytes()).unwrap()
        };
        let data = Data::Dataset("tank/app");
        let found = of(&table(""), &data, Path::new("/srv/app")).unwrap();
        let found: Vec<(&Path, &Path, MsFlags)> = found
            .iter()
            .map(|bind| (bind.point.as_path(), bind.part.as_path(), bind.flags))
            .collect();
        assert_eq!(
            found,
            [
                (Path::new("/a"), Path::new(""), MsFlags::MS_NOSUID),
                (Path::new("/a/b"), Path::new("sub"), MsFlags::empty()),
            ]
        );
        let covered = table("13 12 0:60 / /a/b/c rw - tmpfs tmpfs rw\n");
        let error = of(&covered, &data, Path::new("/srv/app")).unwrap_err();
        assert!(error.to_string().contains("at /a/b/c"), "{error}");
    }
}
