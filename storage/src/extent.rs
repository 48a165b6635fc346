//! How much there is of a service's data.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use declaration::settings::Service;
use nix::libc;
use nix::sys::statvfs::statvfs;

use crate::{Error, Result, beneath, shown};

/// How much there is of a service's data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Files and directories; of a dataset, what it counts as such.
    pub entries: u64,
    /// Bytes that are referred to.
    pub bytes: u64,
    /// The size of each file that is expected: by its path in the service's data, or in a place by its whole one.
    pub expected: BTreeMap<PathBuf, u64>,
    /// Entries and bytes of each place of the service (absolute), which are counted above, too: a small one that vanishes
    /// would not be seen beside a large service.
    pub places: BTreeMap<PathBuf, (u64, u64)>,
}

/// The size of each file that is expected, in a copy of the data.
///
/// # Errors
/// When one cannot be looked at, or a link on the way to it leads out of the copy.
pub(crate) fn expected_in(copy: &Path, service: &Service) -> Result<BTreeMap<PathBuf, u64>> {
    let found = found(copy, &service.mountpoint, service.expect.iter())?;
    Ok(sizes(found)
        .map(|(path, size)| (path.clone(), size))
        .collect())
}

/// The sizes of those that are files.
pub(crate) fn sizes<'p>(
    found: impl IntoIterator<Item = (&'p PathBuf, Metadata)>,
) -> impl Iterator<Item = (&'p PathBuf, u64)> {
    let files = found.into_iter().filter(|(_, found)| found.is_file());
    files.map(|(path, file)| (path, file.len()))
}

/// Those of the `expected` paths that are in a copy of the service's directory at `mountpoint`, or in a part of its data. They
/// are relative to that, or absolute and in it. What cannot be told is neither there nor missing.
///
/// The service's user can put a link anywhere on the way: one that leads out of the copy is not followed.
///
/// # Errors
/// When one cannot be looked at, or a link on the way to it leads out of the copy.
pub(crate) fn found<'p>(
    copy: &Path,
    mountpoint: &Path,
    expected: impl Iterator<Item = &'p PathBuf>,
) -> Result<Vec<(&'p PathBuf, Metadata)>> {
    let root = File::open(copy).map_err(|error| not_looked_at(copy, &error))?;
    let mut all = Vec::new();
    for path in expected {
        let below = path.strip_prefix(mountpoint).unwrap_or(path);
        match beneath::find(&root, mountpoint, below).and_then(|found| found.metadata()) {
            Ok(found) => all.push((path, found)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(not_looked_at(&mountpoint.join(path), &error)),
        }
    }
    Ok(all)
}

fn not_looked_at(path: &Path, error: &io::Error) -> Error {
    let help = match error.raw_os_error() {
        Some(libc::EXDEV | libc::ELOOP) => {
            "a link on the way to it leads out of the service's data, or in a circle, and is not followed: \
             remove it, or declare what it leads to as a place"
        }
        _ => "see that its file system is sound: `zpool status`, `journalctl -k`",
    };
    let what = format!("it is expected, and cannot be looked at: {error}");
    Error::new(shown(path), what, help).caused_by(error)
}

/// Entries and bytes that a file system counts which is mounted there.
pub(crate) fn counted(place: &Path) -> io::Result<(u64, u64)> {
    let found = statvfs(place)?;
    #[allow(clippy::unnecessary_cast, reason = "their width differs by platform")]
    let (entries, blocks) = (
        found.files().saturating_sub(found.files_free()) as u64,
        found.blocks().saturating_sub(found.blocks_free()) as u64,
    );
    Ok((entries, blocks.saturating_mul(found.fragment_size())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is found of these in a copy of `/var/lib/app`, with the size of a file.
    fn looked(copy: &Path, expected: &[&str]) -> Result<Vec<(PathBuf, Option<u64>)>> {
        let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
        let found = found(copy, Path::new("/var/lib/app"), expected.iter())?;
        let size = |found: &Metadata| found.is_file().then_some(found.len());
        Ok(found
            .iter()
            .map(|(path, it)| ((*path).clone(), size(it)))
            .collect())
    }

    #[test]
    fn what_is_expected_is_looked_for_in_the_copy_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let copy = root.path().join("copy");
        let of = |path: &str| copy.join(path);
        std::fs::create_dir_all(of("v4")).unwrap();
        std::fs::create_dir(root.path().join("elsewhere")).unwrap();
        for file in ["copy/v4/db", "elsewhere/db"] {
            std::fs::write(root.path().join(file), "data").unwrap();
        }
        // Nobody writes to it: whoever opened it to read would wait without an end.
        nix::unistd::mkfifo(&of("v4/pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let elsewhere = root.path().join("elsewhere");
        for (link, target) in [
            ("inside", Path::new("v4")),
            ("absolute", Path::new("/var/lib/app/v4")),
            ("last", Path::new("/etc/passwd")),
            ("out", &elsewhere),
            ("above", Path::new("../elsewhere")),
            ("loop", Path::new("loop")),
        ] {
            std::os::unix::fs::symlink(target, of(link)).unwrap();
        }
        for (path, size) in [
            ("v4/db", Some(4)),
            ("/var/lib/app/v4/db", Some(4)),
            ("inside/db", Some(4)),
            ("absolute/db", Some(4)),
            ("v4", None),
            ("/var/lib/app", None),
            ("last", None),
            ("v4/pipe", None),
        ] {
            assert_eq!(looked(&copy, &[path]).unwrap(), [(path.into(), size)]);
        }
        for missing in ["missing", "v4/db/missing", "inside/missing"] {
            assert_eq!(
                looked(&copy, &[missing, "v4"]).unwrap().len(),
                1,
                "{missing}"
            );
        }
        for foreign in ["out/db", "out/missing", "above/db", "loop/db"] {
            let error = looked(&copy, &[foreign]).unwrap_err();
            assert!(error.help().contains("leads out of"), "{foreign}: {error}");
        }
    }
}
