//! Looks for a path in a copy of a service's directory without leaving the copy.
//!
//! Links that stay inside the data are followed, absolute ones too: those begin with the service's own mountpoint.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, readlinkat};

/// How many links are followed on the way to one path: as many as the kernel does (path_resolution(7)).
const LINKS: usize = 40;

/// That `path`, relative to the service's directory, is in its copy `root`; `mountpoint` is where the service has it
/// (absolute). The last component is not followed.
///
/// # Errors
/// Those of openat2(2); `EXDEV` if a link leads out of the copy.
pub(crate) fn look(root: &File, mountpoint: &Path, path: &Path) -> io::Result<()> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_SYMLINKS
                | ResolveFlag::RESOLVE_NO_MAGICLINKS,
        );
    let mut left = components(path);
    let mut done = PathBuf::new();
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            if !done.pop() {
                return Err(Errno::EXDEV.into());
            }
            continue;
        }
        done.push(&name);
        let found = openat2(root, &done, how)?;
        if left.is_empty() {
            return Ok(());
        }
        let target = match readlinkat(&found, "") {
            Ok(target) => PathBuf::from(target),
            // No link.
            Err(Errno::ENOENT | Errno::EINVAL) => continue,
            Err(error) => return Err(error.into()),
        };
        links += 1;
        if links > LINKS {
            return Err(Errno::ELOOP.into());
        }
        done.pop();
        let target = if target.is_absolute() {
            done.clear();
            target
                .strip_prefix(mountpoint)
                .map_err(|_| io::Error::from(Errno::EXDEV))?
        } else {
            &target
        };
        let mut way = components(target);
        way.append(&mut left);
        left = way;
    }
    Ok(())
}

fn components(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    names.map(OsStr::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_that_stay_inside_are_followed_and_others_are_not() {
        let copy = tempfile::tempdir().unwrap();
        let at = |path: &str| copy.path().join(path);
        fs::create_dir_all(at("v4/deep")).unwrap();
        fs::write(at("v4/app.db"), "").unwrap();
        let mountpoint = Path::new("/var/lib/app");
        for (link, target) in [
            ("absolute", "/var/lib/app/v4"),
            ("relative", "v4"),
            ("twice", "absolute/deep/../../relative"),
            ("v4/up", "../v4"),
            ("out", "/etc"),
            ("above", "../.."),
            ("beside", "/var/lib/application"),
            ("loop", "loop"),
            ("last", "/etc/passwd"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        let root = File::open(copy.path()).unwrap();
        for (path, expected) in [
            ("v4/app.db", None),
            ("absolute/app.db", None),
            ("relative/app.db", None),
            ("twice/app.db", None),
            ("v4/up/app.db", None),
            // The last one is there, wherever it leads.
            ("last", None),
            ("absolute/none", Some(Errno::ENOENT)),
            ("v4/app.db/x", Some(Errno::ENOTDIR)),
            ("out/passwd", Some(Errno::EXDEV)),
            ("above/app.db", Some(Errno::EXDEV)),
            ("beside/app.db", Some(Errno::EXDEV)),
            ("loop/app.db", Some(Errno::ELOOP)),
        ] {
            let looked = look(&root, mountpoint, Path::new(path));
            let error = looked.err().and_then(|error| error.raw_os_error());
            assert_eq!(error, expected.map(|errno| errno as i32), "{path}");
        }
    }
}
