//! Who may write what is relied on: root, and the user who runs this. Nobody else.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::geteuid;

use crate::quote::quoted;
use crate::value::Invalid;

/// Group and others may write.
const WRITABLE: u32 = 0o022;

/// In such a directory, nobody replaces a file of another's (inode(7)).
const STICKY: u32 = 0o1000;

/// Checks that nobody else may write the file at `path` (absolute), or put another in its place.
/// Links are followed: what counts is the file they lead to, and all directories it is in.
///
/// # Errors
/// Somebody may; or it cannot be told, also if there is no such file.
pub fn check(path: &Path) -> Result<(), Invalid> {
    let looked = || -> io::Result<Result<(), Invalid>> {
        let real = fs::canonicalize(path)?;
        let own = of(&real, &fs::metadata(&real)?);
        Ok(own.and(way_to(&real)?))
    };
    looked().unwrap_or_else(|error| {
        Err(Invalid::new(
            format!(
                "{} cannot be looked at: {error}",
                quoted(&path.to_string_lossy())
            ),
            "see that it is there, and look as root",
        ))
    })
}

/// Checks the directories that `real` (absolute, without links) is in.
fn way_to(real: &Path) -> io::Result<Result<(), Invalid>> {
    for directory in real.ancestors().skip(1) {
        let metadata = fs::metadata(directory)?;
        let is_sticky = metadata.mode() & STICKY != 0;
        if let Err(invalid) = owner(directory, &metadata) {
            return Ok(Err(invalid));
        }
        if !is_sticky && let Err(invalid) = mode(directory, &metadata) {
            return Ok(Err(invalid));
        }
    }
    Ok(Ok(()))
}

/// Checks a file or directory itself. `path` is shown.
pub(crate) fn of(path: &Path, metadata: &Metadata) -> Result<(), Invalid> {
    owner(path, metadata).and(mode(path, metadata))
}

fn owner(path: &Path, metadata: &Metadata) -> Result<(), Invalid> {
    let uid = metadata.uid();
    if uid == 0 || uid == geteuid().as_raw() {
        return Ok(());
    }
    let shown = quoted(&path.to_string_lossy());
    Err(Invalid::new(
        format!("{shown} belongs to user {uid}, who could put anything there"),
        format!("look at what it holds, then `chown root {}`", word(path)),
    ))
}

fn mode(path: &Path, metadata: &Metadata) -> Result<(), Invalid> {
    let mode = metadata.mode();
    if mode & WRITABLE == 0 {
        return Ok(());
    }
    let shown = quoted(&path.to_string_lossy());
    let who = match mode & WRITABLE {
        0o020 => "its group",
        _ => "everybody",
    };
    Err(Invalid::new(
        format!(
            "{shown} may be written by {who} (mode {:04o})",
            mode & 0o7777
        ),
        format!("look at what it holds, then `chmod go-w {}`", word(path)),
    ))
}

/// As a shell takes it.
fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn refused(path: &Path) -> String {
        check(path).unwrap_err().to_string()
    }

    #[test]
    fn the_file_and_the_way_to_it() {
        let scratch = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(scratch.path()).unwrap();
        let (directory, link) = (root.join("d"), root.join("link"));
        let file = directory.join("f");
        fs::create_dir(&directory).unwrap();
        set(&directory, 0o755);
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        for mode in [0o600, 0o644, 0o755, 0o400] {
            set(&file, mode);
            check(&file).unwrap();
            check(&link).unwrap();
        }
        for (mode, who) in [
            (0o620, "its group (mode 0620)"),
            (0o602, "everybody (mode 0602)"),
            (0o666, "everybody (mode 0666)"),
        ] {
            set(&file, mode);
            let shown = file.display();
            let expected = format!(
                "`{shown}` may be written by {who}: look at what it holds, then `chmod go-w {shown}`"
            );
            assert_eq!(refused(&file), expected);
            assert_eq!(refused(&link), expected);
        }
        set(&file, 0o600);
        set(&directory, 0o775);
        assert!(refused(&link).starts_with(&format!("`{}` may be", directory.display())));
        // As /tmp is.
        set(&directory, 0o1777);
        check(&link).unwrap();
        assert!(refused(&root.join("none")).contains("cannot be looked at: No such file"));
    }

    /// Only root can give a file away.
    #[test]
    fn files_of_others() {
        if !geteuid().is_root() {
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let file = fs::canonicalize(scratch.path()).unwrap().join("it's");
        fs::write(&file, "").unwrap();
        chown(&file, Some(1234), None).unwrap();
        let expected = format!(
            "`{0}` belongs to user 1234, who could put anything there: look at what it holds, then `chown root '{1}'`",
            file.display(),
            file.display().to_string().replace('\'', r"'\''"),
        );
        assert_eq!(refused(&file), expected);
        chown(&file, Some(0), None).unwrap();
        chown(scratch.path(), Some(1234), None).unwrap();
        assert!(refused(&file).contains("belongs to user 1234"));
    }
}
