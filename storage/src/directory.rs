//! A directory of any file system: no snapshots, marks as extended attributes.

mod elsewhere;
pub(crate) mod kept_directory;
mod mark;
pub(crate) mod replaced;
mod spot;
mod staging;
mod swap;
mod trial;
mod undo;
mod withdraw;

use std::borrow::Cow;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use declaration::settings::Service;
use jiff::Timestamp;

use crate::kept::Note;
use crate::mark::Stage;
use crate::trial::Tree;
use crate::way::Spot;
use crate::{
    Applied, Contents, Error, InPlace, Kept, LeftOver, Mark, MarkState, Observation, Origin,
    Presence, Result, Seal, Since, Snapshots, Staged, Staging, Storage, Trial, as_found, binds,
    holders, kept, mountpoint, namespace, namespaces, shown, way,
};
use mark::{identity, mark_of, seal_of, write_mark, write_seal};
use spot::{exists, gone, refused, sync};
use staging::Way;

/// One service's directory.
pub(crate) struct Directory<'a> {
    service: &'a Service,
    /// Whether only a drill is staged: beside the staging of restores, and never swapped in.
    is_drill: bool,
}

impl<'a> Directory<'a> {
    pub(crate) fn of(service: &'a Service) -> Self {
        Self {
            service,
            is_drill: false,
        }
    }

    /// The same, for a drill.
    pub(crate) fn for_a_drill(service: &'a Service) -> Self {
        Self {
            service,
            is_drill: true,
        }
    }
}

impl Directory<'_> {
    fn path(&self) -> &Path {
        &self.service.mountpoint
    }

    /// The way down to the directory that the service's lies in.
    fn way(&self) -> Result<Way> {
        let way = Way::to(self.service, false)?;
        Ok(if self.is_drill { way.of_a_drill() } else { way })
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
            crate::replaced::entry::remove_unused(&listed, &self.path().to_string_lossy());
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
                let kept = swap::settle(self.service, &mark)?;
                applied.finished = Some((mark, kept));
            }
        } else if let Some(mark) = self.complete()?
            && self.seal()?.1 != Since::Other
        {
            // It was missing before as well.
            let kept = swap::swap(self.service, &mark)?;
            applied.finished = Some((mark, kept));
        } else {
            elsewhere::must_be_creatable(self.service, &way)?;
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
                elsewhere::must_be_creatable(self.service, &way)?;
            }
        }
        mountpoint::owner(self.service).map(drop)
    }

    fn observe(&self) -> Result<Observation> {
        let missing = |left_over| Observation {
            presence: Presence::Missing,
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
            presence: Presence::Mounted,
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
                .caused_by(&error)
            })?;
            work(&directory);
            Ok(())
        })
    }

    fn try_out(&self, _staged: &Staged, work: &mut (dyn FnMut(&Trial) + Send)) -> Result<()> {
        let way = self.way()?;
        let staging = way.staging()?.ok_or_else(|| gone(self.path()))?;
        let files = staging.beside(kept::check(way.staged_name()));
        trial::try_out(self.service, &staging, &files, work)
    }

    fn must_be_replaceable(&self, _origin: &Origin<'_>) -> Result<()> {
        if self.is_drill {
            return Ok(());
        }
        mountpoint::must_have_no_mounts_below(self.path(), &[])?;
        let way = self.way()?;
        let parent = way.parent()?;
        parent.must_be_safe()?;
        let place = way.place()?;
        if exists(&place)? {
            swap::must_be_replaceable(&place, parent)?;
            let data = holders::of_directory(self.path())?;
            holders::nobody_must_have_it(&data, &shown(self.path()), self.service)?;
        }
        Ok(())
    }

    fn room(&self) -> Result<u64> {
        spot::room(self.way()?.parent()?)
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
        if self.is_drill {
            return Err(error);
        }
        // The daily timer tries again. It keeps no service down.
        match self.way()?.staged()? {
            Some(MarkState::Ours(mark)) if mark.stage == Stage::Staging => {
                swap::keep(self.service, &Note::new(kept::THROWN_AWAY, &mark))
                    .map(drop)
                    .map_err(|_| error)
            }
            _ => Err(error),
        }
    }

    fn make_complete(&self, _staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<()> {
        let mark = &mark.of_service(self.service.name.as_str());
        let staging = self.way()?.staging()?;
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        mountpoint::own_spot(&staging, self.service, &mut Vec::new())?;
        let seen = self.seen()?;
        let over = seen.as_ref().map(|(id, place)| (id.clone(), &*place.at));
        write_seal(&staging, &Seal::new(over, taken)?)?;
        // The data is on the disk before the mark that says so.
        sync(&staging)?;
        write_mark(&staging, &mark.at_stage(Stage::Staged))?;
        sync(&staging)
    }

    fn replace(&self, staged: &Staged, mark: &Mark, taken: Timestamp) -> Result<Option<Kept>> {
        self.make_complete(staged, mark, taken)?;
        let mark = &mark.of_service(self.service.name.as_str());
        swap::swap(self.service, mark)
    }

    fn seal(&self) -> Result<(Option<Seal>, Since)> {
        let staging = self.way()?.staging()?;
        let staging = staging.ok_or_else(|| gone(self.path()))?;
        let Some(seal) = seal_of(&staging)? else {
            return Ok((None, Since::Other));
        };
        let seen = self.seen()?;
        let since = seal.since(seen.as_ref().map(|(id, place)| (id.clone(), &*place.at)))?;
        Ok((Some(seal), since))
    }

    fn put_aside(&self, mark: &Mark) -> Result<Kept> {
        if let Some(kept) = swap::keep_staged(self.service)? {
            return Ok(kept);
        }
        self.remove_unused();
        swap::keep(self.service, &Note::new(kept::UNUSED, mark))
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
        let kept = swap::swap(self.service, &mark)?;
        Ok(Some((mark, kept)))
    }

    fn must_be_undoable(&self, kept: &str) -> Result<()> {
        self.must_be_replaceable(&Origin::Empty)?;
        undo::must_be_possible(self.service, kept)
    }

    fn bring_back(&self, kept: &str, mark: &Mark) -> Result<Option<Kept>> {
        self.must_be_replaceable(&Origin::Empty)?;
        undo::bring_back(
            self.service,
            kept,
            &mark.of_service(self.service.name.as_str()),
        )
    }
}
