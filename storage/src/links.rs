//! Where a path leads. Only file systems of this machine are asked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::mountinfo::{self, Mount};

/// A path (absolute) without the links on its way, also where what they lead to is not there yet. What lies on a server is
/// as it is given: one that does not answer keeps whoever asks in the kernel without an end, where nothing can kill it.
#[must_use]
pub fn followed(path: &Path) -> PathBuf {
    // What is mounted where cannot be told: then nothing is asked.
    let Ok(table) = mountinfo::own() else {
        return path.to_owned();
    };
    follow(path, |directory| {
        mountinfo::uppermost(&table, directory).is_some_and(Mount::may_wait_for_a_server)
    })
}

/// As the kernel does (path_resolution(7)), up to a directory in which nothing is asked any more.
fn follow(path: &Path, is_silent: impl Fn(&Path) -> bool) -> PathBuf {
    const MOST_LINKS: usize = 40;
    let mut followed = PathBuf::from("/");
    let mut links = 0;
    let names = |path: &Path| -> Vec<OsString> {
        let parts = path.components().rev();
        parts.map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut left = names(path);
    while let Some(name) = left.pop() {
        if name == ".." {
            followed.pop();
            continue;
        }
        // An absolute target starts at the root again: `join` replaces all of it.
        let next = followed.join(&name);
        if is_silent(&next) {
            left.reverse();
            return left.into_iter().fold(next, |path, name| path.join(name));
        }
        match std::fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                left.extend(names(&target));
            }
            _ => followed = next,
        }
    }
    followed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_on_the_way_are_followed_also_to_what_is_not_there() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("mnt/nas");
        symlink("mnt/nas", root.path().join("relative")).unwrap();
        symlink(&real, root.path().join("absolute")).unwrap();
        std::fs::create_dir(root.path().join("below")).unwrap();
        symlink("../mnt/nas", root.path().join("below/upwards")).unwrap();
        for link in ["relative", "absolute", "below/upwards"] {
            assert_eq!(followed(&root.path().join(link).join("r")), real.join("r"));
        }
        symlink("circle", root.path().join("circle")).unwrap();
        let _ends = followed(&root.path().join("circle/r"));
    }

    #[test]
    fn nothing_is_asked_on_a_server() {
        let root = tempfile::tempdir().unwrap();
        let server = root.path().join("server");
        std::fs::create_dir(&server).unwrap();
        symlink("/elsewhere", server.join("link")).unwrap();
        symlink(&server, root.path().join("backup")).unwrap();
        let asked = root.path().join("backup/link/r");
        let is_server = |path: &Path| path == server;
        assert_eq!(follow(&asked, is_server), server.join("link/r"));
        assert_eq!(follow(&asked, |_| false), Path::new("/elsewhere/r"));
    }
}
