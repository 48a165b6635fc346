//! How much memory restic may take: the unit's limit, told to it before it is reached.

use std::path::{Path, PathBuf};

/// Go collects its garbage the harder the nearer it is to this (pkg.go.dev/runtime, `GOMEMLIMIT`), where the kernel
/// would slow restic down or end it: nine tenths of the lowest limit of our control group and those above it, in bytes.
/// `None` if there is no limit.
pub(super) fn limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    lowest(Path::new("/sys/fs/cgroup"), Path::new(group)).map(|bytes| bytes / 10 * 9)
}

/// The lowest limit of `group` (relative to `root`) and the groups above it.
fn lowest(root: &Path, group: &Path) -> Option<u64> {
    group
        .ancestors()
        .flat_map(|group| ["memory.high", "memory.max"].map(|file| root.join(group).join(file)))
        .filter_map(bytes)
        .min()
}

/// A limit as the kernel tells it: a number, or `max`.
fn bytes(file: PathBuf) -> Option<u64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_lowest_limit_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("storage.slice/preseed-sonarr.service");
        std::fs::create_dir_all(&group).unwrap();
        let lowest = || {
            lowest(
                root.path(),
                Path::new("storage.slice/preseed-sonarr.service"),
            )
        };
        std::fs::write(group.join("memory.max"), "max\n").unwrap();
        assert_eq!(lowest(), None);
        std::fs::write(group.join("memory.max"), "2000\n").unwrap();
        std::fs::write(group.join("memory.high"), "1500\n").unwrap();
        assert_eq!(lowest(), Some(1500));
        std::fs::write(root.path().join("storage.slice/memory.max"), "1000\n").unwrap();
        assert_eq!(lowest(), Some(1000));
    }
}
