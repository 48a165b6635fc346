//! Looks for a path in a copy of a service's directory without leaving the copy.
//!
//! Links that stay inside the data are followed, absolute ones too: those begin with the service's own mountpoint.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2, readlinkat};
use rustix::io::Errno;

/// How many links are followed on the way to one path: as many as the kernel does (path_resolution(7)).
const LINKS: usize = 40;

/// Finds `path`, relative to the service's directory, in its copy `root`; `mountpoint` is where the service has it
/// (absolute). The last component is not followed, and nothing is opened that could be read: a pipe does not block.
///
/// # Errors
/// Those of openat2(2); `EXDEV` if a link leads out of the copy.
pub(crate) fn find(root: &File, mountpoint: &Path, path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let mut left = components(path);
    let mut done = PathBuf::new();
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            if !done.pop() {
                return Err(Errno::XDEV.into());
            }
            continue;
        }
        done.push(&name);
        let found = openat2(root, &done, flags, Mode::empty(), resolve)?;
        if left.is_empty() {
            return Ok(File::from(found));
        }
        let target = match readlinkat(&found, "", Vec::new()) {
            Ok(target) => PathBuf::from(OsString::from_vec(target.into_bytes())),
            // No link.
            Err(Errno::NOENT | Errno::INVAL) => continue,
            Err(error) => return Err(error.into()),
        };
        links += 1;
        if links > LINKS {
            return Err(Errno::LOOP.into());
        }
        done.pop();
        let target = if target.is_absolute() {
            done.clear();
            target
                .strip_prefix(mountpoint)
                .map_err(|_| io::Error::from(Errno::XDEV))?
        } else {
            &target
        };
        let mut way = components(target);
        way.append(&mut left);
        left = way;
    }
    // The directory itself, or one above the last.
    let way = if done.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &done
    };
    Ok(File::from(openat2(
        root,
        way,
        flags,
        Mode::empty(),
        resolve,
    )?))
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
            ("", None),
            ("v4/deep/..", None),
            ("v4/app.db", None),
            ("absolute/app.db", None),
            ("relative/app.db", None),
            ("twice/app.db", None),
            ("v4/up/app.db", None),
            // The last one is there, wherever it leads.
            ("last", None),
            ("absolute/none", Some(Errno::NOENT)),
            ("v4/app.db/x", Some(Errno::NOTDIR)),
            ("out/passwd", Some(Errno::XDEV)),
            ("above/app.db", Some(Errno::XDEV)),
            ("beside/app.db", Some(Errno::XDEV)),
            ("loop/app.db", Some(Errno::LOOP)),
        ] {
            let looked = find(&root, mountpoint, Path::new(path));
            let error = looked.err().and_then(|error| error.raw_os_error());
            assert_eq!(error, expected.map(Errno::raw_os_error), "{path}");
        }
    }
}
