//! Whether the newest snapshot holds what a restore of a service, and of its places, looks for.

use std::path::{Path, PathBuf};

use declaration::settings::{Backup, Service};
use storage::{Result, Snapshot};

use super::listing::{Listing, Node};

/// The newest snapshot of the service's own path, as the repository tells it now, and which of these paths (absolute) it
/// does not hold.
///
/// # Errors
/// When the repository cannot be asked.
pub fn newest_lacking(
    service: &Service,
    backup: &Backup,
    paths: &[PathBuf],
) -> Result<Option<(Snapshot, Vec<PathBuf>)>> {
    let mut service = service.clone();
    // What lies beside what is expected is listed: with a link that is on the way to it.
    let ways = paths.iter().flat_map(|path| path.ancestors());
    service.preseed.expect = ways.map(Path::to_path_buf).collect();
    let listing = Listing::new(&service, backup);
    Ok(listing.newest()?.map(|newest| {
        let lacks = paths.iter().filter(|path| !holds(&newest.nodes, path));
        (newest.told.snapshot(), lacks.cloned().collect())
    }))
}

/// Whether a path is among what was listed, or may be: restic does not tell where a link leads. What lies behind one is
/// looked for once it is restored.
pub(super) fn holds(nodes: &[Node], path: &Path) -> bool {
    let is_it = |node: &Node| node.path == path || node.is_link() && path.starts_with(&node.path);
    nodes.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_listed_is_held_and_what_lies_behind_a_link_may_be() {
        let node = |path: &str, kind: &str| -> Node {
            serde_json::from_str(&format!(r#"{{"path":"{path}","type":"{kind}"}}"#)).unwrap()
        };
        let nodes = [
            node("/srv/a", "dir"),
            node("/srv/a/db", "file"),
            node("/srv/a/link", "symlink"),
        ];
        for (path, expected) in [
            ("/srv/a", true),
            ("/srv/a/db", true),
            ("/srv/a/link/db", true),
            ("/srv/a/covers", false),
            ("/srv/a/db2", false),
            ("/srv/a/linked/db", false),
        ] {
            assert_eq!(holds(&nodes, Path::new(path)), expected, "{path}");
        }
    }
}
