//! A directory of any file system: no snapshots, marks as extended attributes.

pub(crate) mod replaced;
mod staging;
mod trial;
mod withdraw;

use std::borrow::Cow;
use std::fs::{DirBuilder, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use declaration::settings::Service;
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::kept::Note;
use crate::mark::{PROPERTY, Stage};
use crate::trial::Tree;
use crate::way::{Held, Spot};
use crate::{
    Applied, Contents, Error, InPlace, Kept, LeftOver, Mark, MarkState, Observation, Origin, Place,
    Result, Seal, Since, Snapshots, Staged, Staging, Storage, Trial, as_found, binds, holders,
    kept, memory, mountpoint, namespace, namespaces, quoted, seal, shown, step, way,
};
use staging::Way;

/// One service's directory.
pub(crate) struct Directory<'a> {
    pub(crate) service: &'a Service,
}

impl Directory<'_> {
    fn path(&self) -> &Path {
        &self.service.mountpoint
    }

    fn leaf(&self) -> String {
        self.path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// The way down to the directory that the service's lies in.
    fn way(&self) -> Result<Way> {
        Way::to(self.service, false)
    }

    /// That a new and empty directory can be made, and takes the place of nothing that stands elsewhere.
    fn must_be_creatable(&self, way: &Way) -> Result<()> {
        way.parent()?.must_be_safe()?;
        self.must_not_hold_the_data_elsewhere()
    }

    /// That the place where its data was seen last holds none of it.
    fn must_not_hold_the_data_elsewhere(&self) -> Result<()> {
        let Some(other) = memory::place(self.service).filter(|other| other != self.path()) else {
            return Ok(());
        };
        if way::parent_is_missing(&other) {
            return Ok(());
        }
        let own = mountpoint::owner(self.service).ok();
        let held = way::down(other.parent().unwrap_or(&other), own, false)?;
        let spot = held
            .last()
            .zip(other.file_name())
            .map(|(parent, leaf)| parent.entry(leaf));
        let Some(spot) = spot else {
            return Ok(());
        };
        if !matches!(exists(&spot), Ok(true)) {
            return Ok(());
        }
        let MarkState::Ours(mark) = mark_of(&spot)? else {
            return Ok(());
        };
        let name = self.service.name.as_str();
        let is_its_own = mark.stage == Stage::Seeded
            && mark.service.as_ref().is_none_or(|service| service == name);
        let mut entries = std::fs::read_dir(&spot.at)
            .map_err(|e| refused(&other, "cannot be looked into", &e))?;
        if !is_its_own || entries.next().is_none() {
            return Ok(());
        }
        Err(Error::new(
            shown(self.path()),
            format!(
                "it is not there, and {} holds data of the service {name}",
                shown(&other)
            ),
            format!(
                "bring it back with `mv -T {} {}`; or, if that is not wanted any more, give it up with `preseedctl forget {name}`,                  which leaves it where it is; then start the service again",
                quoted(&other),
                quoted(self.path())
            ),
        ))
    }

    /// Swaps the complete staged directory in, and keeps what was there.
    fn swap(&self, mark: &Mark) -> Result<Option<Kept>> {
        let way = self.way()?;
        way.parent()?.must_be_safe()?;
        let (place, staging) = (way.place()?, way.staging()?);
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        let mut seen_by = None;
        if exists(&place)? {
            seen_by = withdraw::withdraw(self.service, &staging.at)?;
            rename(&staging, &place, RenameFlags::EXCHANGE)
                .map_err(|error| withdraw::put_back(self.service, error))?;
        } else {
            rename(&staging, &place, RenameFlags::NOREPLACE)?;
        }
        let kept = self.settle(mark)?;
        Ok(kept.map(|kept| Kept { seen_by, ..kept }))
    }

    /// Finishes a directory that was swapped into its place: what it replaced stands under the staging's name and is
    /// given the name it is kept under. The mark says `seeded` last, so that an interrupted one is settled again.
    fn settle(&self, mark: &Mark) -> Result<Option<Kept>> {
        let way = self.way()?;
        let kept = if way.staging()?.is_some() {
            Some(self.keep(&Note::new(&format!("before-{}", mark.by), mark))?)
        } else {
            None
        };
        // Before the mark, which says that all is done.
        binds::put_back(self.service)?;
        let place = way.place()?;
        // Of no use once it is in place; what cannot be removed is never read.
        let _ = xattr::remove(&place.at, seal_attribute());
        write_mark(&place, &mark.at_stage(Stage::Seeded))?;
        sync(&place)?;
        way.tidy();
        Ok(kept)
    }

    /// Gives what stands under the staging's name the name it is kept under.
    fn keep(&self, note: &Note) -> Result<Kept> {
        let way = self.way()?;
        let staging = way.staging()?.ok_or_else(|| gone(self.path()))?;
        // Beside the service's directory, hidden.
        let kept = format!(".{}", kept::kept_with(&self.leaf(), note));
        let kept = way.parent()?.entry(kept);
        replaced::write_note(&staging, note)?;
        rename(&staging, &kept, RenameFlags::NOREPLACE)?;
        Ok(Kept {
            name: shown(&kept.real),
            seen_by: None,
            pending: None,
        })
    }

    /// The mark of a complete staged directory that waits to be swapped in.
    fn complete(&self) -> Result<Option<Mark>> {
        Ok(match self.way()?.staged()? {
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staged => Some(mark),
            _ => None,
        })
    }

    /// The directory's identity, and where it is; `None` if it is missing.
    fn seen(&self) -> Result<Option<(String, Spot)>> {
        let place = self.way()?.place()?;
        Ok(if exists(&place)? {
            Some((identity(&place.at)?, place))
        } else {
            None
        })
    }

    /// Removes the copies that were never put in place, as far as it can be told that nobody uses them.
    fn remove_unused(&self) {
        let beside = self.path().parent().unwrap_or(self.path());
        let listed = namespaces::look().and_then(|machine| replaced::list(beside, &machine));
        if let Ok((listed, _)) = listed {
            crate::replaced::remove_unused(&listed, &self.path().to_string_lossy());
        }
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
    fn with_snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}

impl InPlace for Directory<'_> {
    fn apply(&self, applied: &mut Applied) -> Result<()> {
        let way = Way::to(self.service, true)?;
        let place = way.place()?;
        let mut is_new = false;
        if exists(&place)? {
            // Made, and the power went before it was given its owner.
            is_new = !matches!(mark_of(&place)?, MarkState::Ours(_))
                && mountpoint::is_as_made(&place.at)?;
            if let MarkState::Ours(mark) = mark_of(&place)?
                && mark.stage == Stage::Staged
            {
                let kept = self.settle(&mark)?;
                applied.finished = Some((mark, kept));
            }
        } else if let Some(mark) = self.complete()?
            && self.seal()?.1 != Since::Other
        {
            // It was missing before as well.
            let kept = self.swap(&mark)?;
            applied.finished = Some((mark, kept));
        } else {
            self.must_be_creatable(&way)?;
            std::fs::create_dir(&place.at)
                .map_err(|error| refused(&place.real, "cannot be created", &error))?;
            is_new = true;
            applied
                .changes
                .push(format!("created {}", shown(&place.real)));
        }
        applied.changes.extend(binds::put_back(self.service)?);
        // The power may have gone before it was on the disk that nothing is staged there any more.
        way.tidy();
        let service = if is_new {
            Cow::Borrowed(self.service)
        } else {
            as_found::owned(self.service, self.path())?
        };
        mountpoint::own(self.path(), &service, &mut applied.changes)
    }

    fn must_be_applicable(&self) -> Result<()> {
        if !way::parent_is_missing(self.path()) {
            let way = self.way()?;
            if !exists(&way.place()?)? {
                self.must_be_creatable(&way)?;
            }
        }
        mountpoint::owner(self.service).map(drop)
    }

    fn observe(&self) -> Result<Observation> {
        let missing = |left_over| Observation {
            place: Place::Missing,
            mark: MarkState::None,
            contents: Contents::default(),
            left_over,
        };
        if way::parent_is_missing(self.path()) {
            return Ok(missing(LeftOver::Nothing));
        }
        let way = self.way()?;
        let left_over = match way.staged()? {
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staging => LeftOver::Incomplete,
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staged => LeftOver::Complete(mark),
            Some(MarkState::None) => LeftOver::Unmarked,
            _ => LeftOver::Nothing,
        };
        let place = way.place()?;
        if !exists(&place)? {
            return Ok(missing(left_over));
        }
        Ok(Observation {
            place: Place::Mounted,
            mark: mark_of(&place)?,
            contents: Contents::of(self.path(), self.service)?,
            left_over,
        })
    }

    fn identity(&self) -> Result<Option<(String, MarkState)>> {
        let Some((identity, place)) = self.seen()? else {
            return Ok(None);
        };
        Ok(Some((identity, mark_of(&place)?)))
    }

    fn set_mark(&self, mark: &Mark) -> Result<()> {
        let place = self.way()?.place()?;
        write_mark(&place, &mark.of_service(self.service.name.as_str()))?;
        sync(&place)
    }

    fn must_be_writable(&self) -> Result<()> {
        // Of a file system that is read-only, each attempt to write says so.
        Ok(())
    }
}

impl Staging for Directory<'_> {
    fn inside(&self, staged: &Staged, work: &mut (dyn FnMut(&Path) + Send)) -> Result<()> {
        let staging = self.way()?.staging()?;
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        let failed = |error| {
            refused(
                &staging.real,
                "cannot be mounted where nobody sees it",
                &error,
            )
        };
        let opened = staging.open().map_err(failed)?;
        let tree = Tree::of(&opened).map_err(failed)?;
        let needs = namespace::needs(self.service);
        namespace::inside(&staged.name, &needs, |place| {
            let directory = namespace::directory(place, "staged")?;
            tree.mount_at(&directory).map_err(|error| {
                Error::new(
                    &staged.name,
                    format!("cannot be mounted where nobody sees it: {error}"),
                    "see that we run as root",
                )
            })?;
            work(&directory);
            Ok(())
        })
    }

    fn try_out(&self, _staged: &Staged, work: &mut (dyn FnMut(&Trial) + Send)) -> Result<()> {
        let staging = self.way()?.staging()?;
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        let files = staging.beside(kept::check(self.service.name.as_str()));
        trial::try_out(self.service, &staging, &files, work)
    }

    fn must_be_replaceable(&self, _origin: &Origin<'_>) -> Result<()> {
        mountpoint::must_have_no_mounts_below(self.path())?;
        let way = self.way()?;
        let parent = way.parent()?;
        parent.must_be_safe()?;
        let place = way.place()?;
        if exists(&place)? {
            must_be_replaceable(&place, parent)?;
            let data = holders::of_directory(self.path())?;
            holders::nobody_must_have_it(&data, &shown(self.path()), self.service)?;
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
        let way = self.way()?;
        way.discard()?;
        let staging = way.new_staging()?;
        DirBuilder::new()
            .mode(0o700)
            .create(&staging.at)
            .map_err(|error| refused(&staging.real, "cannot be created", &error))?;
        write_mark(&staging, &Mark::new(Stage::Staging, "preseed", ""))?;
        Ok(Staged {
            name: shown(&staging.real),
        })
    }

    fn discard(&self, _staged: &Staged) -> Result<()> {
        let Err(error) = self.way()?.discard() else {
            return Ok(());
        };
        // The daily timer tries again. It keeps no service down.
        match self.way()?.staged()? {
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staging => self
                .keep(&Note::new(kept::THROWN_AWAY, &mark))
                .map(drop)
                .map_err(|_| error),
            _ => Err(error),
        }
    }

    fn replace(&self, _staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<Option<Kept>> {
        let mark = &mark.of_service(self.service.name.as_str());
        let staging = self.way()?.staging()?;
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        mountpoint::own_spot(&staging, self.service, &mut Vec::new())?;
        let seen = self.seen()?;
        let over = seen.as_ref().map(|(id, place)| (id.clone(), &*place.at));
        let seal = Seal::new(over, taken)?.to_string();
        xattr::set(&staging.at, seal_attribute(), seal.as_bytes())
            .map_err(|error| refused(&staging.real, "its seal cannot be written", &error))?;
        // The data is on the disk before the mark that says so.
        sync(&staging)?;
        write_mark(&staging, &mark.at_stage(Stage::Staged))?;
        sync(&staging)?;
        self.swap(mark)
    }

    fn seal(&self) -> Result<(Option<Seal>, Since)> {
        let staging = self.way()?.staging()?;
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        let told = xattr::get(&staging.at, seal_attribute())
            .map_err(|error| refused(&staging.real, "its seal cannot be read", &error))?;
        let Some(seal) = told.and_then(|text| Seal::parse(&String::from_utf8_lossy(&text))) else {
            return Ok((None, Since::Other));
        };
        let seen = self.seen()?;
        let since = seal.since(seen.as_ref().map(|(id, place)| (id.clone(), &*place.at)))?;
        Ok((Some(seal), since))
    }

    fn put_aside(&self, mark: &Mark) -> Result<Kept> {
        self.remove_unused();
        self.keep(&Note::new(kept::UNUSED, mark))
    }

    fn put_away(&self, left_over: &LeftOver) -> Result<Option<String>> {
        match left_over {
            LeftOver::Nothing => Ok(None),
            LeftOver::Incomplete | LeftOver::Unmarked => {
                self.way()?.discard()?;
                Ok(Some(kept::thrown_away()))
            }
            LeftOver::Complete(mark) => Ok(Some(kept::not_needed(mark, &self.put_aside(mark)?))),
        }
    }

    fn resume(&self) -> Result<Option<(Mark, Option<Kept>)>> {
        let Some(mark) = self.complete()? else {
            return Ok(None);
        };
        self.must_be_replaceable(&Origin::Empty)?;
        let kept = self.swap(&mark)?;
        Ok(Some((mark, kept)))
    }
}

/// The extended attribute of the mark. `trusted.`: only root can write it, so no service can forge it (xattr(7)).
fn attribute() -> String {
    format!("trusted.{}", PROPERTY.replace(':', "."))
}

/// The extended attribute of the seal.
fn seal_attribute() -> String {
    format!("trusted.{}", seal::PROPERTY.replace(':', "."))
}

fn mark_of(spot: &Spot) -> Result<MarkState> {
    match xattr::get(&spot.at, attribute()) {
        Ok(None) => Ok(MarkState::None),
        Ok(Some(text)) => Ok(Mark::read(
            &String::from_utf8_lossy(&text),
            &identity(&spot.at)?,
        )),
        Err(error) => Err(refused(&spot.real, "its mark cannot be read", &error)),
    }
}

fn write_mark(spot: &Spot, mark: &Mark) -> Result<()> {
    let text = mark.bound_to(&identity(&spot.at)?);
    let path = shown(&spot.real);
    step::at(|| format!("mark {path} {text}"));
    xattr::set(&spot.at, attribute(), text.as_bytes()).map_err(|error| {
        Error::new(
            path,
            format!("its mark cannot be written as `{}`: {error}", attribute()),
            "see that its file system holds extended attributes and is writable, and that we run as root",
        )
    })
}

/// What a mark is bound to: a copy of the directory has another inode or time of birth.
fn identity(path: &Path) -> Result<String> {
    let found = path.symlink_metadata();
    let found = found.map_err(|error| refused(path, "cannot be looked at", &error))?;
    Ok(identity_of(&found))
}

fn identity_of(metadata: &Metadata) -> String {
    let born = metadata
        .created()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    format!("inode:{}:{born}", metadata.ino())
}

fn exists(spot: &Spot) -> Result<bool> {
    match spot.at.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(_) => Err(Error::new(
            shown(&spot.real),
            "it is not a directory",
            "move it away (where it is a link: declare its target as the mountpoint), then start the service again",
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(refused(&spot.real, "cannot be looked at", &error)),
    }
}

/// That a restored directory can take its place by one rename: it is on the file system of what it lies in.
fn must_be_replaceable(place: &Spot, parent: &Held) -> Result<()> {
    let metadata = place.at.symlink_metadata();
    let device = metadata
        .map_err(|error| refused(&place.real, "cannot be looked at", &error))?
        .dev();
    if device == parent.device {
        return Ok(());
    }
    Err(Error::new(
        shown(&place.real),
        "a file system is mounted exactly there, so no restored directory could take its place",
        "declare a directory below it as the mountpoint",
    ))
}

fn rename(from: &Spot, to: &Spot, flags: RenameFlags) -> Result<()> {
    let (old, new) = (shown(&from.real), shown(&to.real));
    step::at(|| format!("rename {old} {new}"));
    renameat_with(CWD, &from.at, CWD, &to.at, flags).map_err(|error| {
        Error::new(
            old,
            format!("cannot be renamed to {new}: {error}"),
            "see that its file system is writable and knows renameat2(2)",
        )
    })
}

/// Brings the file system that holds the directory to the disk.
fn sync(spot: &Spot) -> Result<()> {
    let synced = spot.open().and_then(|file| Ok(rustix::fs::syncfs(file)?));
    synced.map_err(|error| refused(&spot.real, "cannot be brought to the disk", &error))
}

fn gone(path: &Path) -> Error {
    Error::new(
        shown(path),
        "what was staged for it is gone",
        "see who removed it, then start the service again",
    )
}

fn refused(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::new(
        shown(path),
        format!("{what}: {error}"),
        "see that its file system is sound and writable, and that we run as root",
    )
}
