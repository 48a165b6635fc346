//! How much there is of a service's data.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use declaration::settings::Service;
use nix::sys::statvfs::statvfs;

use crate::{Error, Result, shown};

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
/// When one cannot be looked at.
pub(crate) fn expected_in(copy: &Path, service: &Service) -> Result<BTreeMap<PathBuf, u64>> {
    let paths = service.expect.iter();
    sizes(paths.map(|expected| (expected.clone(), copy.join(expected))))
}

/// The size of each file, by what it is known as.
///
/// # Errors
/// When one cannot be looked at.
pub(crate) fn sizes(
    paths: impl Iterator<Item = (PathBuf, PathBuf)>,
) -> Result<BTreeMap<PathBuf, u64>> {
    let mut files = BTreeMap::new();
    for (known_as, path) in paths {
        let found = found(&path).map_err(|error| {
            Error::new(
                shown(&path),
                format!("it is expected, and cannot be looked at: {error}"),
                "see that its file system is sound: `zpool status`, `journalctl -k`",
            )
            .caused_by(&error)
        })?;
        if let Some(file) = found.filter(Metadata::is_file) {
            files.insert(known_as, file.len());
        }
    }
    Ok(files)
}

/// What is there; `None`: nothing is. What cannot be told is neither.
pub(crate) fn found(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
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

    #[test]
    fn what_cannot_be_looked_at_is_not_what_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let of = |path: &str| root.path().join(path);
        std::fs::write(of("file"), "data").unwrap();
        // Whoever looks for what is in it gets an error, as of a disk that does not answer.
        std::os::unix::fs::symlink("loop", of("loop")).unwrap();
        let mut service = declared::service("app", None, "[preseed]\n").unwrap();
        let mut sizes = |expected: &str| {
            service.preseed.expect = vec![PathBuf::from(expected)];
            expected_in(root.path(), &service).map(|found| found.into_values().collect::<Vec<_>>())
        };
        assert_eq!(sizes("file").unwrap(), [4]);
        for missing in ["missing", "file/missing"] {
            assert_eq!(sizes(missing).unwrap(), [0; 0], "{missing}");
        }
        sizes("loop/unknown").unwrap_err();
    }
}
