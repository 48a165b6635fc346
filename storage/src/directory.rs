//! A directory of any file system: no snapshots, marks as extended attributes.

pub(crate) mod replaced;

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use declaration::settings::{Replica, Service};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::kept::Note;
use crate::mark::{PROPERTY, Stage};
use crate::{
    Applied, Contents, Error, Kept, LeftOver, Mark, MarkState, Observation, Origin, Place, Result,
    Snapshot, Staged, Storage, kept, mountpoint, shown, step, tree,
};

/// One service's directory.
pub(crate) struct Directory<'a> {
    pub(crate) service: &'a Service,
}

impl Directory<'_> {
    fn path(&self) -> &Path {
        &self.service.mountpoint
    }

    fn staging_path(&self) -> PathBuf {
        self.beside(&kept::staging(&self.leaf()))
    }

    fn leaf(&self) -> String {
        self.path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// A hidden name beside the directory, on the same file system.
    fn beside(&self, leaf: &str) -> PathBuf {
        self.path().with_file_name(format!(".{leaf}"))
    }

    /// Swaps the complete staged directory in, and keeps what was there.
    fn swap(&self, mark: &Mark) -> Result<Option<Kept>> {
        let (path, staging) = (self.path(), self.staging_path());
        if exists(path)? {
            rename(&staging, path, RenameFlags::RENAME_EXCHANGE)?;
        } else {
            rename(&staging, path, RenameFlags::RENAME_NOREPLACE)?;
        }
        self.settle(mark)
    }

    /// Finishes a directory that was swapped into its place: what it replaced stands under the staging's name and is
    /// given the name it is kept under. The mark says `seeded` last, so that an interrupted one is settled again.
    fn settle(&self, mark: &Mark) -> Result<Option<Kept>> {
        let staging = self.staging_path();
        let kept = if exists(&staging)? {
            Some(self.keep(&Note::new(&format!("before-{}", mark.by), mark))?)
        } else {
            None
        };
        write_mark(self.path(), &mark.at_stage(Stage::Seeded))?;
        sync(self.path())?;
        Ok(kept)
    }

    /// Gives what stands under the staging's name the name it is kept under.
    fn keep(&self, note: &Note) -> Result<Kept> {
        let staging = self.staging_path();
        let kept = self.beside(&kept::kept_with(&self.leaf(), note));
        replaced::write_note(&staging, note)?;
        rename(&staging, &kept, RenameFlags::RENAME_NOREPLACE)?;
        Ok(Kept { name: shown(&kept) })
    }

    /// The mark of the staged directory: `None` if there is none.
    fn staged(&self) -> Result<Option<MarkState>> {
        let staging = self.staging_path();
        if exists(&staging)? {
            mark_of(&staging).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The mark of a complete staged directory that waits to be swapped in.
    fn complete(&self) -> Result<Option<Mark>> {
        Ok(match self.staged()? {
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staged => Some(mark),
            _ => None,
        })
    }

    fn no_snapshots(&self) -> Error {
        Error::new(
            shown(self.path()),
            "a directory has no snapshots",
            "declare only the tier `restic` for it",
        )
    }
}

impl Storage for Directory<'_> {
    fn apply(&self, applied: &mut Applied) -> Result<()> {
        let path = self.path();
        if exists(path)? {
            if let MarkState::Ours(mark) = mark_of(path)?
                && mark.stage == Stage::Staged
            {
                let kept = self.settle(&mark)?;
                applied.finished = Some((mark, kept));
            }
        } else if let Some(mark) = self.complete()? {
            let kept = self.swap(&mark)?;
            applied.finished = Some((mark, kept));
        } else {
            create(path)?;
            applied.changes.push(format!("created {}", shown(path)));
        }
        must_be_replaceable(path)?;
        mountpoint::own(path, self.service, &mut applied.changes)
    }

    fn observe(&self) -> Result<Observation> {
        let path = self.path();
        let left_over = match self.staged()? {
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staging => LeftOver::Incomplete,
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staged => LeftOver::Complete(mark),
            Some(MarkState::None) => LeftOver::Unmarked,
            _ => LeftOver::Nothing,
        };
        if !exists(path)? {
            return Ok(Observation {
                place: Place::Missing,
                mark: MarkState::None,
                contents: Contents::default(),
                left_over,
            });
        }
        Ok(Observation {
            place: Place::Mounted,
            mark: mark_of(path)?,
            contents: Contents::of(path, self.service)?,
            left_over,
        })
    }

    fn set_mark(&self, mark: &Mark) -> Result<()> {
        write_mark(self.path(), mark)?;
        sync(self.path())
    }

    fn put_back_mark(&self, before: &MarkState) -> Result<()> {
        match before {
            MarkState::Ours(mark) => self.set_mark(mark),
            MarkState::None | MarkState::Foreign(_) => xattr::remove(self.path(), attribute())
                .map_err(|error| refused(self.path(), "its mark cannot be removed", &error)),
        }
    }

    fn snapshots(&self) -> Result<Vec<Snapshot>> {
        Ok(Vec::new())
    }

    fn replica_snapshots(&self, _replica: &Replica) -> Result<Vec<Snapshot>> {
        Ok(Vec::new())
    }

    fn snapshot_contents(&self, _snapshot: &Snapshot) -> Result<Contents> {
        Err(self.no_snapshots())
    }

    fn copy_paths(
        &self,
        _snapshot: &Snapshot,
        _paths: &[PathBuf],
        _into: &Path,
        _progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<()> {
        Err(self.no_snapshots())
    }

    fn rollback(&self, _snapshot: &Snapshot) -> Result<()> {
        Err(self.no_snapshots())
    }

    fn must_be_writable(&self) -> Result<()> {
        // Of a file system that is read-only, each attempt to write says so.
        Ok(())
    }

    fn must_be_replaceable(&self, _origin: &Origin<'_>) -> Result<()> {
        mountpoint::must_have_no_mounts_below(self.path())?;
        if exists(self.path())? {
            must_be_replaceable(self.path())?;
        }
        Ok(())
    }

    fn stage(
        &self,
        origin: &Origin<'_>,
        _progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Staged> {
        let Origin::Empty = origin else {
            return Err(self.no_snapshots());
        };
        let path = self.staging_path();
        let staged = Staged { path: path.clone() };
        self.discard(&staged)?;
        std::fs::create_dir(&path).map_err(|error| refused(&path, "cannot be created", &error))?;
        write_mark(&path, &Mark::new(Stage::Staging, "preseed", ""))?;
        Ok(staged)
    }

    fn discard(&self, _staged: &Staged) -> Result<()> {
        let path = self.staging_path();
        match self.staged()? {
            None => Ok(()),
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staging => {
                tree::remove(&path).map_err(|error| refused(&path, "cannot be removed", &error))
            }
            // Made, and the power went before its mark was written.
            Some(MarkState::None) if std::fs::remove_dir(&path).is_ok() => Ok(()),
            Some(_) => Err(Error::new(
                shown(&path),
                "it stands where restores are staged, and is not an incomplete one of preseed's",
                "look into it, move it away, then start the service again",
            )),
        }
    }

    fn replace(&self, staged: &Staged, mark: &Mark) -> Result<Option<Kept>> {
        mountpoint::own(&staged.path, self.service, &mut Vec::new())?;
        // The data is on the disk before the mark that says so.
        sync(&staged.path)?;
        write_mark(&staged.path, &mark.at_stage(Stage::Staged))?;
        sync(&staged.path)?;
        self.swap(mark)
    }

    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>> {
        let staging = self.staging_path();
        match left_over {
            LeftOver::Nothing => Ok(None),
            LeftOver::Incomplete | LeftOver::Unmarked => {
                self.discard(&Staged { path: staging })?;
                Ok(Some(kept::thrown_away()))
            }
            LeftOver::Complete(mark) => {
                let kept = self.keep(&Note::new("unused-restore", mark))?;
                Ok(Some(kept::not_needed(mark, &kept)))
            }
        }
    }

    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>> {
        let Some(mark) = self.complete()? else {
            return Ok(None);
        };
        let kept = self.swap(&mark)?;
        Ok(Some((mark, kept)))
    }
}

/// The extended attribute of the mark. `trusted.`: only root can write it, so no service can forge it (xattr(7)).
fn attribute() -> String {
    format!("trusted.{}", PROPERTY.replace(':', "."))
}

fn mark_of(path: &Path) -> Result<MarkState> {
    match xattr::get(path, attribute()) {
        Ok(None) => Ok(MarkState::None),
        Ok(Some(text)) => Ok(Mark::read(
            &String::from_utf8_lossy(&text),
            &identity(path)?,
        )),
        Err(error) => Err(refused(path, "its mark cannot be read", &error)),
    }
}

fn write_mark(path: &Path, mark: &Mark) -> Result<()> {
    let text = mark.bound_to(&identity(path)?);
    step::at(|| format!("mark {} {text}", shown(path)));
    xattr::set(path, attribute(), text.as_bytes()).map_err(|error| {
        Error::new(
            shown(path),
            format!("its mark cannot be written as `{}`: {error}", attribute()),
            "see that its file system holds extended attributes and is writable, and that we run as root",
        )
    })
}

/// What a mark is bound to: a copy of the directory has another inode or time of birth.
fn identity(path: &Path) -> Result<String> {
    let metadata = path
        .symlink_metadata()
        .map_err(|error| refused(path, "cannot be looked at", &error))?;
    let born = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    Ok(format!("inode:{}:{born}", metadata.ino()))
}

fn exists(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => Err(Error::new(
            shown(path),
            "it is not a directory",
            "move it away (where it is a link: declare its target as the mountpoint), then start the service again",
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(refused(path, "cannot be looked at", &error)),
    }
}

fn create(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|error| refused(parent, "cannot be created", &error))?;
    }
    std::fs::create_dir(path).map_err(|error| refused(path, "cannot be created", &error))
}

/// That a restore can be staged beside it: on one file system, so that the swap is one rename.
fn must_be_replaceable(path: &Path) -> Result<()> {
    let device = |path: &Path| {
        // Of what a link leads to: a mount base may be one.
        path.metadata()
            .map(|metadata| metadata.dev())
            .map_err(|error| refused(path, "cannot be looked at", &error))
    };
    let parent = path.parent().unwrap_or(path);
    if device(path)? == device(parent)? {
        return Ok(());
    }
    Err(Error::new(
        shown(path),
        "a file system is mounted exactly there, so no restored directory could take its place",
        "declare a directory below it as the mountpoint",
    ))
}

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
    step::at(|| format!("rename {} {}", shown(from), shown(to)));
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags).map_err(|error| {
        Error::new(
            shown(from),
            format!("cannot be renamed to {}: {error}", shown(to)),
            "see that its file system is writable and knows renameat2(2)",
        )
    })
}

/// Brings the file system that holds `path` to the disk.
fn sync(path: &Path) -> Result<()> {
    let synced = std::fs::File::open(path).and_then(|file| Ok(nix::unistd::syncfs(file)?));
    synced.map_err(|error| refused(path, "cannot be brought to the disk", &error))
}

fn refused(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::new(
        shown(path),
        format!("{what}: {error}"),
        "see that its file system is sound and writable, and that we run as root",
    )
}
