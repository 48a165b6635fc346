//! A service's data as it was at one moment, seen at the paths that the service knows, by nobody but who reads it.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use declaration::settings::{self, Service};
use declaration::value::TierName;
use jiff::Timestamp;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::time::{ClockId, clock_gettime};

use crate::extent::{self, Extent, counted, expected_in};
use crate::tree::{self, Next};
use crate::trial::{Tree, make_in_memory};
use crate::way::{self, Held, Writer};
use crate::zfs::backup_snapshot;
use crate::{
    Contents, Error, Presence, Result, Snapshot, as_found, mountinfo, mountpoint, namespace, open,
    shown,
};

/// A part of a service's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where the service sees it (absolute).
    pub place: PathBuf,
    /// The dataset that it is in; `None`: it is a directory.
    pub dataset: Option<String>,
    /// What is expected in it (absolute), itself first. Empty: no restore of it asks for a backup.
    pub expected: Vec<PathBuf>,
}

/// The parts of a service's data as its storage is, an outer one before those in it. Caches, which nobody restores, are
/// none; nor is what may be missing and is.
///
/// # Errors
/// When it cannot be told where they are.
pub fn parts(service: &Service) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for part in service.parts().filter(|part| part.is_restored()) {
        let found = as_found::placed(part)?;
        let may_be_missing = found.part.as_ref().is_some_and(|part| part.may_start_empty);
        if may_be_missing {
            match open(&found).observe()?.presence {
                Presence::Missing => continue,
                // It may hold everything.
                Presence::Unmounted => {
                    return Err(not_shown(&found.mountpoint, "it is not mounted"));
                }
                Presence::Mounted => {}
            }
        }
        let dataset = match &found.storage {
            settings::Storage::Zfs(dataset) => Some(dataset.name.as_str().to_owned()),
            settings::Storage::Directory => None,
        };
        let place = found.mountpoint.to_path_buf();
        let asks = found.tiers.contains(&TierName::Restic);
        let expected = std::iter::once(place.clone())
            .chain(found.expect.iter().map(|path| place.join(path)))
            .filter(|_| asks);
        parts.push(Part {
            expected: expected.collect(),
            place,
            dataset,
        });
    }
    parts.sort_by(|one, other| one.place.cmp(&other.place));
    Ok(parts)
}

/// Where the parts are seen that lie in no other.
#[must_use]
pub fn outermost(parts: &[Part]) -> Vec<&Path> {
    let is_in_another = |place: &Path| {
        let mut others = parts.iter().map(|part| part.place.as_path());
        others.any(|other| other != place && place.starts_with(other))
    };
    let places = parts.iter().map(|part| part.place.as_path());
    places.filter(|place| !is_in_another(place)).collect()
}

/// What is seen of frozen data.
#[derive(Debug)]
pub struct Seen {
    /// What lies in it.
    pub contents: Contents,
    /// How much it is.
    pub extent: Extent,
}

/// See the module.
#[derive(Debug)]
pub struct Frozen<'a> {
    service: &'a Service,
    parts: Vec<Part>,
    /// What the snapshots are called after the `@`; `None`: there are none, and the data changes while it is read.
    snapshot: Option<String>,
    /// When it was so.
    pub taken: Timestamp,
}

/// The time that a snapshot gets which is taken now, or a later one. ZFS notes that of the kernel's last tick
/// (clock_getres(2), `CLOCK_REALTIME_COARSE`), which is behind the exact time.
#[must_use]
pub fn time_of_a_snapshot() -> Timestamp {
    let tick = clock_gettime(ClockId::RealtimeCoarse);
    let nanoseconds = i32::try_from(tick.tv_nsec).unwrap_or(0);
    Timestamp::new(tick.tv_sec, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl<'a> Frozen<'a> {
    /// Takes snapshots of all parts of a service's data, as its storage is found; of directories there are none.
    ///
    /// # Errors
    /// When one cannot be taken.
    pub fn take(service: &'a Service) -> Result<Self> {
        let parts = parts(service)?;
        let datasets = datasets(&parts);
        let (snapshot, taken) = if datasets.is_empty() {
            (None, Timestamp::now())
        } else {
            let (name, taken) = backup_snapshot::take(&datasets, service.name.as_str())?;
            (Some(name), taken)
        };
        Ok(Self {
            service,
            parts,
            snapshot,
            taken,
        })
    }

    /// The snapshot of a part of the service; `None`: it is a directory, or missing.
    #[must_use]
    pub fn snapshot_of(&self, part: &Service) -> Option<Snapshot> {
        let dataset = part.storage.dataset()?.name.as_str();
        let is_there = |part: &Part| part.dataset.as_deref() == Some(dataset);
        let name = self.snapshot.as_ref();
        let name = name.filter(|_| self.parts.iter().any(is_there))?;
        Some(Snapshot {
            name: format!("{dataset}@{name}"),
            taken: self.taken,
            bytes: 0,
        })
    }

    /// What is read, by where it is seen: what lies in another part is in that.
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        outermost(&self.parts)
    }

    /// What a restore looks for in a backup and is there (absolute), while this is shown.
    ///
    /// # Errors
    /// When it cannot be told of one.
    pub fn expected(&self) -> Result<Vec<PathBuf>> {
        let mut there = Vec::new();
        for part in &self.parts {
            let found = extent::found(&part.place, &part.place, part.expected.iter())?;
            there.extend(found.into_iter().map(|(path, _)| path.clone()));
        }
        Ok(there)
    }

    /// What is mounted in what is read and is no part of the service: it is not read. What lies in a cache, or is left out
    /// by an anchored `exclude`, is not meant to be. For people.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn not_read(&self) -> Result<Vec<String>> {
        let mut declared = Vec::new();
        for part in self.service.parts() {
            let place = as_found::placed(part)?.mountpoint.to_path_buf();
            declared.push((place, part.is_restored()));
        }
        let place = self.service.mountpoint.as_path();
        let excluded = self.service.backup.iter();
        let excluded = excluded.flat_map(|backup| &backup.exclude);
        let excluded: Vec<PathBuf> = excluded
            .filter_map(|pattern| Some(place.join(pattern.strip_prefix('/')?)))
            .collect();
        let mut mounted = Vec::new();
        for path in self.paths() {
            mounted.extend(mountinfo::all_below(path)?);
        }
        let told = undeclared(mounted, &declared, &excluded);
        Ok(told.iter().map(|point| shown(point)).collect())
    }

    /// Whether it is as it was at one moment: what is written meanwhile changes nothing of it.
    #[must_use]
    pub fn is_of_one_moment(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Has `work` see it at the service's own paths, to read from, in a thread of its own. Programs that it starts see the
    /// same, and nobody else does.
    ///
    /// # Errors
    /// When it cannot be shown; else what `work` gives.
    pub fn show<T: Send>(&self, work: impl FnOnce(&Seen) -> Result<T> + Send) -> Result<T> {
        let subject = shown(&self.service.mountpoint);
        let needs = namespace::needs(self.service);
        let own = mountpoint::owner(self.service).ok();
        namespace::inside(&subject, &needs, |_| {
            for part in &self.parts {
                self.mount(part, own, &needs)?;
            }
            let worked = self.look().and_then(|seen| work(&seen));
            for part in self.parts.iter().rev() {
                // What is mounted is busy until the namespace is gone, and the snapshot is to be destroyed.
                let _ = umount2(&part.place, MntFlags::UMOUNT_NOFOLLOW);
            }
            worked
        })
    }

    fn look(&self) -> Result<Seen> {
        let place = self.service.mountpoint.as_path();
        Ok(Seen {
            contents: Contents::of_copy(place, self.service)?,
            extent: self.extent()?,
        })
    }

    fn extent(&self) -> Result<Extent> {
        let main = self.service.mountpoint.as_path();
        let mut extent = Extent {
            expected: expected_in(main, self.service)?,
            ..Extent::default()
        };
        for part in &self.parts {
            let (entries, bytes) = extent_of(part).map_err(|error| {
                not_shown(&part.place, &format!("it cannot be looked at: {error}"))
            })?;
            extent.entries += entries;
            extent.bytes += bytes;
            if part.place != *main {
                extent.places.insert(part.place.clone(), (entries, bytes));
                let found = extent::found(&part.place, &part.place, part.expected.iter())?;
                let sizes = extent::sizes(found);
                let sizes = sizes.map(|(path, size)| (path.clone(), size));
                extent.expected.extend(sizes);
            }
        }
        Ok(extent)
    }

    /// Mounts a part where the service sees it.
    fn mount(&self, part: &Part, own: Option<(u32, u32)>, needs: &[PathBuf]) -> Result<()> {
        let place = &part.place;
        let failed = |error: io::Error| not_shown(place, &error.to_string());
        // Held before anything hides it.
        let data = match part.dataset {
            None => Some(real(place, own)?),
            Some(_) => None,
        };
        let is_inside = |outer: &Part| outer.place != *place && place.starts_with(&outer.place);
        let to = if self.parts.iter().any(is_inside) {
            // What it is in is mounted already, and nobody can write there any more.
            real(place, own)?
        } else {
            target(place, own, needs)?
        };
        match (&part.dataset, &self.snapshot, data) {
            (Some(dataset), Some(snapshot), _) => {
                let flags = MsFlags::MS_RDONLY
                    | MsFlags::MS_NOSUID
                    | MsFlags::MS_NODEV
                    | MsFlags::MS_NOEXEC;
                let none: Option<&str> = None;
                let (from, to) = (format!("{dataset}@{snapshot}"), by_descriptor(to.file()));
                mount(Some(from.as_str()), &to, Some("zfs"), flags, none)
                    .map_err(|error| failed(error.into()))
            }
            (_, _, Some(data)) => {
                let tree = Tree::of(data.file()).map_err(failed)?;
                // The service's user can put a link in the place of any directory while it is read.
                tree.freeze().map_err(failed)?;
                tree.mount_on(to.file()).map_err(failed)
            }
            _ => Err(not_shown(place, "there is no snapshot of it")),
        }
    }
}

/// Destroys the snapshots that backups of a service were made from, also those that a run left which was killed. Gives the names
/// of those that somebody needs, which stay.
///
/// # Errors
/// When one cannot be destroyed.
pub fn release(service: &Service) -> Result<Vec<String>> {
    backup_snapshot::destroy_all(&datasets(&parts(service)?))
}

fn datasets(parts: &[Part]) -> Vec<&str> {
    let datasets = parts.iter().filter_map(|part| part.dataset.as_deref());
    datasets.collect()
}

/// Of what is mounted, what is neither one of the declared places (each with whether it is restored), nor in one that is not
/// restored, nor excluded. What is mounted in another that is told is not.
fn undeclared(
    mut mounted: Vec<PathBuf>,
    declared: &[(PathBuf, bool)],
    excluded: &[PathBuf],
) -> Vec<PathBuf> {
    let is_meant = |point: &PathBuf| {
        let around = declared
            .iter()
            .filter(|(place, _)| point.starts_with(place));
        let nearest = around.max_by_key(|(place, _)| place.as_os_str().len());
        nearest.is_some_and(|(place, is_restored)| place == point || !is_restored)
            || excluded.iter().any(|path| point.starts_with(path))
    };
    mounted.retain(|point| !is_meant(point));
    mounted.sort();
    let mut told: Vec<PathBuf> = Vec::new();
    for point in mounted {
        if !told.iter().any(|outer| point.starts_with(outer)) {
            told.push(point);
        }
    }
    told
}

/// Entries and bytes of what is mounted there.
fn extent_of(part: &Part) -> io::Result<(u64, u64)> {
    if part.dataset.is_some() {
        return counted(&part.place);
    }
    let (mut entries, mut bytes) = (0_u64, 0_u64);
    tree::walk(&part.place, |entry| {
        entries += 1;
        if !entry.is_directory() {
            bytes += u64::try_from(entry.stat.st_size).unwrap_or_default();
        }
        ControlFlow::<(), _>::Continue(Next::Enter)
    })?;
    Ok((entries, bytes))
}

/// The directory that the service's path leads to.
fn real(place: &Path, own: Option<(u32, u32)>) -> Result<Held> {
    let way = way::down(place, own, false)?;
    let last = way.into_iter().next_back();
    last.ok_or_else(|| not_shown(place, "there is no such directory"))
}

/// The directory of this thread's namespace to mount on: at the service's path, where nobody but root can put anything
/// else while it is read.
fn target(place: &Path, own: Option<(u32, u32)>, needs: &[PathBuf]) -> Result<Held> {
    let above = place.ancestors().find(|above| above.is_dir());
    let above = above.unwrap_or(Path::new("/"));
    let way = way::down(above, own, false)?;
    if way.last().is_some_and(|last| last.path != above) {
        return Err(Error::new(
            shown(place),
            "a link is on the way to it, and restic stores links as they are",
            "declare the directory that it leads to as the mountpoint",
        ));
    }
    let on_the_way = way.len() - usize::from(above == place);
    let others = way.iter().take(on_the_way);
    let others = others.clone().find(|held| held.writer != Writer::Root);
    let hidden = match others {
        Some(held) => held.path.clone(),
        None if above == place => return real(place, own),
        None => above.to_owned(),
    };
    let hides = needs.iter().map(PathBuf::as_path);
    let hides = hides.chain([Path::new(namespace::PLACE), Path::new("/usr")]);
    if let Some(needed) = hides.into_iter().find(|path| path.starts_with(&hidden)) {
        return Err(Error::new(
            shown(place),
            format!(
                "what is in {} must be hidden while it is read, and {} is there",
                shown(&hidden),
                shown(needed)
            ),
            "declare a mountpoint in a directory of root's, or move that elsewhere",
        ));
    }
    let below = place.strip_prefix(&hidden).unwrap_or(Path::new(""));
    make_in_memory(&hidden, below)?;
    real(place, None)
}

fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn not_shown(place: &Path, what: &str) -> Error {
    Error::new(
        shown(place),
        format!("the data cannot be shown to what backs it up: {what}"),
        "see that it is there and mounted, and that we run as root on Linux 5.14 or newer",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
