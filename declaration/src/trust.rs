//! Who may write what is relied on: root, and the user who runs this. Nobody else.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::unistd::geteuid;

use crate::quote::quoted;
use crate::value::Invalid;

/// Group and others may write.
const WRITABLE: u32 = 0o022;

/// In such a directory, nobody replaces a file of another's (inode(7)).
const STICKY: u32 = 0o1000;

/// How many links are followed (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Checks that nobody else may write the file at `path` (absolute), or put another in its place.
/// Links are followed: what counts is the file they lead to, and all directories and links on the way.
///
/// # Errors
/// Somebody may; or it cannot be told, also if there is no such file.
pub fn check(path: &Path) -> Result<(), Invalid> {
    let looked = || -> io::Result<Result<(), Invalid>> {
        let way = way_to(path)?;
        let own = of(&way.file, &way.metadata);
        Ok(own.and(way.doubt.map_or(Ok(()), Err)))
    };
    looked().unwrap_or_else(|error| Err(not_looked_at(path, &error)))
}

/// Checks that nobody else may read the file at `path` (absolute, root's). What counts is the file that links lead to,
/// and that somebody can get there.
///
/// # Errors
/// Somebody may; or it cannot be told, also if there is no such file.
pub fn check_secret(path: &Path) -> Result<(), Invalid> {
    let way = way_to(path).map_err(|error| not_looked_at(path, &error))?;
    let mode = way.metadata.mode();
    // A group of root's alone is root.
    let by_group = mode & 0o040 != 0 && way.metadata.gid() != 0 && way.reach & 0o011 != 0;
    let by_all = mode & 0o004 != 0 && way.reach & 0o001 != 0;
    let who = match (by_all, by_group) {
        (true, _) => "everybody",
        (false, true) => "its group",
        (false, false) => return Ok(()),
    };
    Err(Invalid::new(
        format!(
            "{} may be read by {who} (mode {:04o})",
            quoted(&way.file.to_string_lossy()),
            mode & 0o7777
        ),
        format!(
            "`chmod go-r {}`, and change the secret if somebody may have read it",
            word(&way.file)
        ),
    ))
}

fn not_looked_at(path: &Path, error: &io::Error) -> Invalid {
    Invalid::new(
        format!(
            "{} cannot be looked at: {error}",
            quoted(&path.to_string_lossy())
        ),
        "see that it is there, and look as root",
    )
}

/// The way to a file, as the kernel goes it.
struct Way {
    /// The file, without links.
    file: PathBuf,
    metadata: Metadata,
    /// The first on the way that somebody could replace.
    doubt: Option<Invalid>,
    /// Who may search all of the directories: the bits that all their modes have in common.
    reach: u32,
}

/// Goes to `path` (absolute), through each directory and link on the way.
fn way_to(path: &Path) -> io::Result<Way> {
    let mut at = PathBuf::from("/");
    let mut metadata = fs::metadata(&at)?;
    let mut doubt = None;
    let mut reach = 0o777;
    let mut links = 0;
    let mut left: Vec<OsString> = names_of(path).collect();
    while let Some(name) = left.pop() {
        if name == ".." {
            at.pop();
            metadata = fs::symlink_metadata(&at)?;
            continue;
        }
        doubt = doubt.or_else(|| replaceable(&at, &metadata).err());
        reach &= metadata.mode();
        let next = at.join(&name);
        let found = fs::symlink_metadata(&next)?;
        if found.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other("too many links"));
            }
            // In a directory like /tmp, a link is as its owner made it.
            doubt = doubt.or_else(|| owner(&next, &found).err());
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                at = PathBuf::from("/");
                metadata = fs::metadata(&at)?;
            }
            left.extend(names_of(&target));
        } else {
            at = next;
            metadata = found;
        }
    }
    Ok(Way {
        file: at,
        metadata,
        doubt,
        reach,
    })
}

/// The names in a path, the last one first.
fn names_of(path: &Path) -> impl Iterator<Item = OsString> + use<'_> {
    let components = path.components().rev();
    components.filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// Checks that nobody else can replace what is in a directory, and is root's.
fn replaceable(directory: &Path, metadata: &Metadata) -> Result<(), Invalid> {
    owner(directory, metadata)?;
    if metadata.mode() & STICKY != 0 {
        return Ok(());
    }
    mode(directory, metadata)
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

    #[test]
    fn a_link_on_the_way_that_somebody_could_replace() {
        let scratch = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(scratch.path()).unwrap();
        let (theirs, safe) = (root.join("theirs"), root.join("safe"));
        fs::create_dir(&theirs).unwrap();
        fs::create_dir(&safe).unwrap();
        set(&safe, 0o700);
        fs::write(safe.join("f"), "").unwrap();
        set(&safe.join("f"), 0o600);
        // root/way/f -> theirs/link/f -> safe/f
        symlink("../safe", theirs.join("link")).unwrap();
        symlink("theirs/./link", root.join("way")).unwrap();
        set(&theirs, 0o755);
        check(&root.join("way/f")).unwrap();
        set(&theirs, 0o777);
        let expected = format!("`{}` may be written by everybody", theirs.display());
        assert!(refused(&root.join("way/f")).starts_with(&expected));
        check(&safe.join("f")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        assert!(refused(&root.join("loop")).contains("too many links"));
    }

    #[test]
    fn a_secret_that_others_can_get_to() {
        let scratch = tempfile::tempdir().unwrap();
        let file = fs::canonicalize(scratch.path()).unwrap().join("secret");
        fs::write(&file, "").unwrap();
        set(&file, 0o644);
        // A directory in which nobody else finds anything.
        set(scratch.path(), 0o700);
        check_secret(&file).unwrap();
        set(scratch.path(), 0o711);
        let told = check_secret(&file).unwrap_err().to_string();
        assert!(
            told.contains("may be read by everybody (mode 0644): `chmod go-r"),
            "{told}"
        );
        set(&file, 0o600);
        check_secret(&file).unwrap();
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
