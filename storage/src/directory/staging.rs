//! Where a directory is restored to before it takes its place: in a directory of root's alone, from which one rename
//! leads to the place.
//!
//! It is made in the nearest directory above the place in which only root can write, so that nobody can put something
//! else under its name. Bind mounts, subvolumes and project quotas forbid a rename even on one device: it is tried.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};

use declaration::settings::Service;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::mark::mark_of;
use super::spot::{exists, refused};
use super::trial;
use crate::mark::Stage;
use crate::way::{self, Held, Spot, Writer};
use crate::{Error, ErrorKind, MarkState, Result, kept, mountpoint, shown};

/// What holds staged directories.
const ROOM: &str = ".preseed-staging";

/// How often is begun anew where another service's restore removes the empty directory.
const TRIES: usize = 5;

/// The way down to the directory that a service's lies in, held.
pub(super) struct Way {
    held: Vec<Held>,
    leaf: std::ffi::OsString,
    /// What is staged is called so.
    staged_name: String,
    is_drill: bool,
}

impl Way {
    /// With `create`, directories that are missing are made.
    ///
    /// # Errors
    /// See [`way::down`].
    pub(super) fn to(service: &Service, create: bool) -> Result<Self> {
        let path = &service.mountpoint;
        let own = mountpoint::owner(service).ok();
        Ok(Self {
            held: way::down(path.parent().unwrap_or(path), own, create)?,
            leaf: path.file_name().unwrap_or_default().to_owned(),
            staged_name: service.name.as_str().to_owned(),
            is_drill: false,
        })
    }

    /// The same, for what a drill stages: no rename leads from there to the place.
    pub(super) fn of_a_drill(self) -> Self {
        Self {
            staged_name: kept::drill(&self.staged_name),
            is_drill: true,
            ..self
        }
    }

    /// What is staged is called so.
    pub(super) fn staged_name(&self) -> &str {
        &self.staged_name
    }

    /// The directory that the service's lies in.
    pub(super) fn parent(&self) -> Result<&Held> {
        self.held
            .last()
            .ok_or_else(|| Error::internal("/", "it holds nothing"))
    }

    /// Where the service's directory is or belongs.
    pub(super) fn place(&self) -> Result<Spot> {
        Ok(self.parent()?.entry(&self.leaf))
    }

    /// The directories in which one may be staged: those from which a rename may lead to the place, nearest first, and
    /// those in which only root can write before those of the service's own user.
    fn candidates(&self) -> impl Iterator<Item = &Held> {
        let device = self.held.last().map(|parent| parent.device);
        let near = move |writer: Writer| {
            self.held
                .iter()
                .rev()
                .take_while(move |held| Some(held.device) == device)
                .filter(move |held| held.writer == writer)
        };
        near(Writer::Root).chain(near(Writer::Own))
    }

    /// What stands where the service's restores are staged.
    pub(super) fn staging(&self) -> Result<Option<Spot>> {
        for held in self.candidates() {
            let staging = held.entry(ROOM);
            if is_roots_alone(&staging) {
                let staging = self.within(&staging)?;
                if exists(&staging)? {
                    return Ok(Some(staging));
                }
            }
        }
        Ok(None)
    }

    /// Its mark: `None` if there is none.
    pub(super) fn staged(&self) -> Result<Option<MarkState>> {
        self.staging()?.map(|staging| mark_of(&staging)).transpose()
    }

    /// The service's own name in a directory of root's alone, which is held from here on.
    fn within(&self, room: &Spot) -> Result<Spot> {
        room.hold()
            .map(|held| held.entry(&self.staged_name))
            .map_err(|error| refused(&room.real, "cannot be looked into", &error))
    }

    /// A name, which nothing has, for a directory to stage in.
    ///
    /// # Errors
    /// When there is none from which a rename leads to the place.
    pub(super) fn new_staging(&self) -> Result<Spot> {
        let parent = self.parent()?;
        parent.must_be_safe()?;
        let mut why = "another user can write to each directory above it".to_owned();
        for held in self.candidates() {
            let room = held.entry(ROOM);
            for _ in 0..TRIES {
                match DirBuilder::new().mode(0o700).create(&room.at) {
                    Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                        return Err(refused(&room.real, "cannot be created", &error));
                    }
                    _ => {}
                }
                if !is_roots_alone(&room) {
                    why = format!("{} is not root's alone", shown(&room.real));
                    break;
                }
                let staging = self.within(&room)?;
                match self.try_rename(&staging) {
                    Ok(()) => return Ok(staging),
                    // Removed by another service's restore that has just ended.
                    Err(Errno::NOENT) => {}
                    Err(error) => {
                        why = format!(
                            "from {} a rename is not possible: {error}",
                            shown(&room.real)
                        );
                        let _ = std::fs::remove_dir(&room.at);
                        break;
                    }
                }
            }
        }
        Err(Error::new(
            shown(&self.place()?.real),
            format!("no directory can be staged from which one rename leads there: {why}"),
            "let only root, or the service's own user, write to the directory it lies in, or declare a mountpoint elsewhere",
        ).of_kind(ErrorKind::NotTrusted))
    }

    /// Whether an empty directory can be renamed from beside `staging` to beside the place, and back.
    fn try_rename(&self, staging: &Spot) -> std::result::Result<(), Errno> {
        if self.is_drill {
            return Ok(());
        }
        let from = staging.beside(format!("{}:preseed-trial", self.staged_name));
        let to = format!(".{}:preseed-trial", self.leaf.to_string_lossy());
        let Some(to) = self.held.last().map(|parent| parent.entry(to)) else {
            return Err(Errno::NOENT);
        };
        // What a power cut has left.
        let _ = std::fs::remove_dir(&to.at);
        let _ = std::fs::remove_dir(&from.at);
        std::fs::create_dir(&from.at)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let flags = RenameFlags::NOREPLACE;
        let there = renameat_with(CWD, &from.at, CWD, &to.at, flags);
        let back = there.and_then(|()| renameat_with(CWD, &to.at, CWD, &from.at, flags));
        let _ = std::fs::remove_dir(&from.at);
        back
    }

    /// Throws away what an incomplete restore has staged.
    ///
    /// # Errors
    /// When it is not one, or cannot be removed.
    pub(super) fn discard(&self) -> Result<()> {
        let Some(staging) = self.staging()? else {
            return Ok(());
        };
        trial::discard(&staging.beside(kept::check(&self.staged_name)))?;
        match mark_of(&staging)? {
            MarkState::Ours(mark) if mark.stage == Stage::Staging => {
                crate::tree::remove(&staging.at)
                    .map_err(|error| refused(&staging.real, "cannot be removed", &error))?;
            }
            // Made, and the power went before its mark was written.
            MarkState::None if std::fs::remove_dir(&staging.at).is_ok() => {}
            _ => {
                return Err(Error::new(
                    shown(&staging.real),
                    "it stands where restores are staged, and is not an incomplete one of preseed's",
                    "look into it, move it away, then start the service again",
                ).of_kind(ErrorKind::InTheWay));
            }
        }
        self.tidy();
        Ok(())
    }

    /// Removes the directories that nothing is staged in.
    pub(super) fn tidy(&self) {
        for held in self.candidates() {
            let room = held.entry(ROOM);
            if is_roots_alone(&room) {
                // Not if another service's is in it.
                let _ = std::fs::remove_dir(&room.at);
            }
        }
    }
}

/// What a mode gives to others than the owner.
const OTHERS: u32 = 0o077;

/// Whether it is a directory in which only root can do anything.
fn is_roots_alone(spot: &Spot) -> bool {
    spot.at
        .symlink_metadata()
        .is_ok_and(|found| found.is_dir() && found.uid() == 0 && found.mode() & OTHERS == 0)
}
