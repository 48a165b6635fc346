//! What of a directory only leads to other parts of its service, which are mounted in it.
//!
//! A place's mountpoint, and empty directories that lead to it, are no data of the directory they are in.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use declaration::settings::{Service, Storage};
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, fchown, mkdirat, openat2, statat,
    unlinkat,
};
use rustix::io::Errno;

use crate::{Error, ErrorKind, Result, mount_id, mountinfo, mountpoint, shown, tree, way};

/// What lies on the way to the places that are mounted in a directory.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    /// The names of the directory's entries that only lead to places.
    pub(crate) bare: Vec<OsString>,
    /// Something (relative to the directory) that lies where a place is to be mounted.
    pub(crate) covered: Option<PathBuf>,
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

const INSIDE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// More entries than lie on the way to a place: they are data.
const MANY: usize = 10_000;

/// Looks at the ways to the service's nested places in `directory`, which is the service's or a copy of it.
///
/// # Errors
/// When one cannot be looked at. A way that is missing is none, and a link is data.
pub(crate) fn ways(directory: &Path, service: &Service) -> io::Result<Ways> {
    let mut ways = Ways::default();
    if service.nested.is_empty() {
        return Ok(ways);
    }
    let root = File::open(directory)?;
    let device = root.metadata()?.dev();
    let mut look = Look {
        nested: &service.nested,
        device,
        looked: 0,
        covered: None,
    };
    let tops = service.nested.iter().filter_map(|path| path.iter().next());
    let mut tops: Vec<&OsStr> = tops.collect();
    tops.sort_unstable();
    tops.dedup();
    for top in tops {
        if look.is_bare(&root, Path::new(top))? {
            ways.bare.push(top.to_owned());
        }
    }
    ways.covered = look.covered;
    Ok(ways)
}

struct Look<'l> {
    nested: &'l [PathBuf],
    device: u64,
    looked: usize,
    covered: Option<PathBuf>,
}

impl Look<'_> {
    /// Whether what lies at `path` is nothing but directories that lead to places.
    fn is_bare(&mut self, root: &File, path: &Path) -> io::Result<bool> {
        let opened = match openat2(root, path, DIRECTORY, Mode::empty(), INSIDE) {
            Ok(opened) => opened,
            // Nothing that counts, or nothing that a place is mounted on.
            Err(Errno::NOENT) => return Ok(true),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                if self.is_place(path) {
                    self.covered.get_or_insert_with(|| path.to_path_buf());
                }
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        if self.is_place(path) {
            let is_mounted = File::from(opened.try_clone()?).metadata()?.dev() != self.device;
            return Ok(is_mounted || self.holds_no_file(&opened, path)?);
        }
        let mut is_bare = true;
        for name in self.names(&opened)? {
            let inner = path.join(&name);
            let leads = self.nested.iter().any(|place| place.starts_with(&inner));
            // All are looked at: what lies where a place is to be mounted is told in any case.
            is_bare &= leads && self.is_bare(root, &inner)?;
        }
        Ok(is_bare)
    }

    fn is_place(&self, path: &Path) -> bool {
        self.nested.iter().any(|place| place == path)
    }

    /// Whether there are only directories in one, at any depth. What else is there first is noted.
    fn holds_no_file(&mut self, directory: &OwnedFd, path: &Path) -> io::Result<bool> {
        for name in self.names(directory)? {
            let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
            let inner = path.join(&name);
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            let is_bare = is_directory && self.looked < MANY && {
                let opened = openat2(directory, &name, DIRECTORY, Mode::empty(), INSIDE)?;
                self.holds_no_file(&opened, &inner)?
            };
            if !is_bare {
                self.covered.get_or_insert(inner);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn names(&mut self, directory: &OwnedFd) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            self.looked += 1;
            names.push(name.to_owned());
            if self.looked > MANY {
                break;
            }
        }
        Ok(names)
    }
}

/// Removes what lies in `copy` at the service's nested places. Links on the way are data, and are not followed.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn clear(copy: &Path, service: &Service) -> Result<()> {
    for place in &service.nested {
        let done = clear_one(copy, place);
        done.map_err(|error| {
            Error::new(
                shown(&copy.join(place)),
                format!("what lies where a place is mounted cannot be removed: {error}"),
                "see that the file system has room and is sound",
            )
            .caused_by(&error)
        })?;
    }
    Ok(())
}

fn clear_one(copy: &Path, place: &Path) -> io::Result<()> {
    let (Some(above), Some(leaf)) = (place.parent(), place.file_name()) else {
        return Ok(());
    };
    let root = File::open(copy)?;
    let above = if above == Path::new("") {
        Path::new(".")
    } else {
        above
    };
    let above = match openat2(&root, above, DIRECTORY, Mode::empty(), INSIDE) {
        Ok(above) => above,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match openat2(&above, leaf, DIRECTORY, Mode::empty(), INSIDE) {
        Ok(found) => {
            let by_descriptor = format!("/proc/self/fd/{}", above.as_raw_fd());
            tree::remove_opened(&found, &Path::new(&by_descriptor).join(leaf))
        }
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => Ok(unlinkat(&above, leaf, AtFlags::empty())?),
        Err(error) => Err(error.into()),
    }
}

/// Opens the directory of `outer`, a part that is mounted. Its service's own user may put something else in the place of the
/// directories above it: no link of theirs is followed, and what is come to must be the part. `None` if it is not.
fn hold(outer: &Service, own: way::Own) -> Result<Option<File>> {
    let way = way::down(&outer.mountpoint, Some(own), false)?;
    let Some(root) = way.last().and_then(|held| held.entry(".").open().ok()) else {
        return Ok(None);
    };
    let is_it = match &outer.storage {
        Storage::Directory => true,
        Storage::Zfs(dataset) => match mountinfo::at(&outer.mountpoint)? {
            Some(mounted) => {
                mounted.is_of_dataset(dataset.name.as_str())
                    && mount_id::id_of(root.as_fd())? == mounted.id
            }
            None => false,
        },
    };
    Ok(is_it.then_some(root))
}

/// Makes the directories in `outer`, a part that is mounted, that lead to `inner`, which is nested in it. New ones belong to
/// whom `outer` belongs to, so that its service can use them. No link is followed.
///
/// # Errors
/// When one cannot be made, or something else is in its place.
pub(crate) fn lead(outer: &Service, inner: &Path) -> Result<()> {
    let Some(above) = inner.parent().filter(|above| *above != Path::new("")) else {
        return Ok(());
    };
    let refused = |path: &Path, error: Errno| {
        Error::new(
            shown(&outer.mountpoint.join(path)),
            format!("it leads to a place of the service, and cannot be made a directory: {error}"),
            "see what lies there, move it away, then start the service again",
        )
        .of_kind(ErrorKind::InTheWay)
    };
    let (uid, gid) = mountpoint::owner(outer)?;
    let root = hold(outer, (uid, gid))?;
    let root = root.ok_or_else(|| refused(Path::new(""), Errno::XDEV))?;
    let mut here = OwnedFd::from(root);
    let mut path = PathBuf::new();
    for name in above {
        path.push(name);
        let made = match mkdirat(&here, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(refused(&path, error)),
        };
        here = openat2(&here, name, DIRECTORY, Mode::empty(), INSIDE)
            .map_err(|error| refused(&path, error))?;
        if made {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            fchown(&here, Some(uid), Some(gid)).map_err(|error| refused(&path, error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{chown, lchown, symlink};

    use super::*;

    /// A service at `mountpoint`, which `user` has, in a dataset or a directory.
    fn service(mountpoint: &Path, (uid, gid): (u32, u32), is_dataset: bool) -> Service {
        let text = format!(
            "[dataset]\nmountpoint = \"{}\"\nowner = \"{uid}\"\ngroup = \"{gid}\"\n",
            mountpoint.display()
        );
        let mut service = declared::service("app", None, &text).unwrap();
        if !is_dataset {
            service.storage = Storage::Directory;
        }
        service
    }

    #[test]
    fn root_makes_directories_in_the_part_and_nowhere_else() {
        // Who tests stands for the service's user, unless it is root.
        let (base, user) = if nix::unistd::geteuid().is_root() {
            (tempfile::tempdir_in("/var/lib").unwrap(), (1000, 1000))
        } else {
            let own = (nix::unistd::geteuid(), nix::unistd::getegid());
            let own = (own.0.as_raw(), own.1.as_raw());
            (tempfile::tempdir().unwrap(), own)
        };
        let (uid, gid) = (Some(user.0), Some(user.1));
        let (home, others) = (base.path().join("home"), base.path().join("others"));
        for directory in [home.join("app"), others.join("app")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        chown(&home, uid, gid).unwrap();
        let inner = Path::new("a/b/place");
        lead(&service(&home.join("app"), user, false), inner).unwrap();
        assert!(home.join("app/a/b").is_dir());
        // What is at the place of a dataset that is not mounted there is not the part.
        lead(&service(&others.join("app"), user, true), inner).unwrap_err();
        assert!(!others.join("app/a").exists());

        // The user has exchanged a directory for a link.
        std::fs::remove_dir_all(home.join("app")).unwrap();
        for (link, target) in [("app", "app"), ("above", "")] {
            symlink(others.join(target), home.join(link)).unwrap();
            lchown(home.join(link), uid, gid).unwrap();
        }
        for point in ["app", "above/app"] {
            lead(&service(&home.join(point), user, false), inner).unwrap_err();
            assert!(!others.join("app/a").exists(), "{point}");
        }
    }
}
