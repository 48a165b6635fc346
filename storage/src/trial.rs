//! A copy of staged storage on which it is tried out whether the data is sound, and which is thrown away.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use declaration::settings::Service;
use nix::libc;
use nix::mount::{MsFlags, mount};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::{Error, Result, namespace, shown, way};

/// How much a program may write to `/tmp`.
const SCRATCH: &str = "mode=1777,size=64m";

/// A copy of staged storage, seen by nobody else than the thread that is given it and the programs it starts.
#[derive(Debug)]
pub struct Trial {
    /// The copy (absolute): whatever is done to it is thrown away.
    pub root: PathBuf,
    /// An empty directory for root alone with the room of the data's own file system (absolute).
    pub files: PathBuf,
}

impl Trial {
    /// Shows the copy at the service's own path, and makes all else that this thread sees read-only but for a small
    /// `/tmp`. Only once for a trial. Gives where it is seen (absolute).
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn show_copy(&self, service: &Service) -> Result<PathBuf> {
        let place = place_for(service)?;
        show(&self.root, &place)?;
        let tmp = Path::new("/tmp");
        let is_needed = namespace::needs(service)
            .iter()
            .chain([&place])
            .any(|path| path.starts_with(tmp));
        if !is_needed && tmp.is_dir() {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            mount(Some("tmpfs"), tmp, Some("tmpfs"), flags, Some(SCRATCH))
                .map_err(|error| not_shown(tmp, &error.into()))?;
        }
        Ok(place)
    }

    /// Shows [`Trial::files`] where any user comes by whom they belong to, and makes all else that this thread sees
    /// read-only. Gives where they are seen (absolute).
    ///
    /// # Errors
    /// When they cannot be shown.
    pub fn show_files(&self) -> Result<PathBuf> {
        let place = place_apart()?;
        show(&self.files, &place)?;
        Ok(place)
    }
}

/// Mounts a directory at a place as well, and makes all else read-only.
fn show(directory: &Path, place: &Path) -> Result<()> {
    let failed = |error: io::Error| not_shown(place, &error);
    let tree = open(directory)
        .and_then(|directory| Tree::of(&directory))
        .map_err(failed)?;
    // No link of another user's is followed on the way.
    let way = way::down(place, None, false)?;
    let to = way
        .last()
        .map(way::Held::file)
        .ok_or_else(|| not_shown(place, &io::Error::from(io::ErrorKind::NotFound)))?;
    tree.mount_on(to).map_err(failed)?;
    let root = open(Path::new("/")).map_err(failed)?;
    set(root.as_fd(), libc::AT_RECURSIVE, libc::MOUNT_ATTR_RDONLY, 0).map_err(failed)?;
    set(tree.0.as_fd(), 0, 0, libc::MOUNT_ATTR_RDONLY).map_err(failed)
}

/// A directory that has nothing to do with the service's path, for root alone in the host's namespace.
fn place_apart() -> Result<PathBuf> {
    let above = Path::new(namespace::PLACE);
    std::fs::set_permissions(above, Permissions::from_mode(0o711))
        .map_err(|error| not_shown(above, &error))?;
    let place = above.join("shown");
    std::fs::create_dir(&place).map_err(|error| not_shown(&place, &error))?;
    Ok(place)
}

/// A directory in this thread's mount namespace for what belongs at the service's path: that path, unless nothing can
/// be mounted there without changing the machine.
fn place_for(service: &Service) -> Result<PathBuf> {
    let wanted = &service.mountpoint;
    if wanted.is_dir() {
        return Ok(wanted.to_path_buf());
    }
    let above = wanted.ancestors().skip(1).find(|above| above.is_dir());
    let above = above.unwrap_or(Path::new("/"));
    let hides = namespace::needs(service)
        .iter()
        .map(PathBuf::as_path)
        .chain([Path::new(namespace::PLACE), Path::new("/usr")])
        .any(|path| path.starts_with(above));
    if hides {
        return place_apart();
    }
    let below = wanted.strip_prefix(above).unwrap_or(Path::new(""));
    make_in_memory(above, below)?;
    Ok(wanted.to_path_buf())
}

/// Mounts an empty file system on the directory `above` (absolute), and makes the directory `below` (relative) in it.
/// What is mounted on is held: whoever can write on the way can put a link there at any moment.
pub(crate) fn make_in_memory(above: &Path, below: &Path) -> Result<()> {
    let failed = |error: io::Error| not_shown(above, &error);
    let way = way::down(above, None, false)?;
    let to = way.last().map(way::Held::file);
    let to = to.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    let tree = Tree::empty().map_err(failed)?;
    tree.mount_on(to).map_err(failed)?;
    let root = format!("/proc/self/fd/{}", tree.0.as_raw_fd());
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(Path::new(&root).join(below))
        .map_err(failed)
}

/// Makes an empty directory for root alone in a copy, under a name that nothing in it has.
pub(crate) fn new_directory(root: &Path) -> Result<PathBuf> {
    const MANY: u32 = 1000;
    let mut refused = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 0..MANY {
        let path = root.join(format!(".preseed-check-{number}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                refused = error;
                break;
            }
        }
    }
    Err(Error::new(
        shown(root),
        format!("no directory for a check can be made in it: {refused}"),
        "see that its file system has room",
    ))
}

/// A mount of a directory that is attached nowhere yet, and can be attached in another mount namespace.
#[derive(Debug)]
pub(crate) struct Tree(OwnedFd);

impl Tree {
    /// Of a directory that is held: whatever its path leads to.
    pub(crate) fn of(directory: &File) -> io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        Ok(Self(open_tree(directory, "", flags)?))
    }

    /// Of an empty file system in memory, with room for directories.
    fn empty() -> io::Result<Self> {
        let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&context, "mode", "755")?;
        fsconfig_set_string(&context, "size", "1m")?;
        fsconfig_create(&context)?;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        Ok(Self(fsmount(&context, flags, MountAttrFlags::empty())?))
    }

    /// Attaches it to a directory. It gives no way to more rights, or to a device.
    pub(crate) fn mount_on(&self, place: &File) -> io::Result<()> {
        let harmless = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        set(self.0.as_fd(), 0, harmless, 0)?;
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(move_mount(&self.0, "", place, "", flags)?)
    }

    /// Has nothing written through it, and no link followed in it (Linux 5.14).
    pub(crate) fn freeze(&self) -> io::Result<()> {
        const NO_LINKS: u64 = 0x0020_0000;
        set(self.0.as_fd(), 0, libc::MOUNT_ATTR_RDONLY | NO_LINKS, 0)
    }

    /// The same for a path that only root can write to.
    pub(crate) fn mount_at(&self, place: &Path) -> io::Result<()> {
        self.mount_on(&open(place)?)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)
}

/// Sets and clears attributes of a mount (mount_setattr(2)).
fn set(mount: BorrowedFd<'_>, flags: libc::c_int, set: u64, clear: u64) -> io::Result<()> {
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let attributes = Attributes {
        set,
        clear,
        propagation: 0,
        user_namespace: 0,
    };
    // SAFETY: the path ends with a zero, and the size is that of the structure, which is only read.
    #[expect(unsafe_code, reason = "neither nix nor rustix has mount_setattr(2)")]
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn not_shown(path: &Path, error: &io::Error) -> Error {
    Error::new(
        shown(path),
        format!("a copy to check cannot be shown there: {error}"),
        "see that we run as root, on Linux 5.12 or newer",
    )
    .caused_by(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_directory_is_made_through_a_link_of_another_user() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let machine = tempfile::tempdir().unwrap();
        let real = machine.path().join("real");
        let link = machine.path().join("link");
        std::fs::create_dir(&real).unwrap();
        // In /tmp, so anybody's.
        std::os::unix::fs::symlink(&real, &link).unwrap();
        namespace::inside("test", &[], |_| {
            assert!(make_in_memory(&link, Path::new("a/b")).is_err());
            assert_eq!(std::fs::read_dir(&real).unwrap().count(), 0);
            make_in_memory(&real, Path::new("a/b")).unwrap();
            assert!(real.join("a/b").is_dir());
            Ok(())
        })
        .unwrap();
        assert_eq!(std::fs::read_dir(&real).unwrap().count(), 0);
    }
}
