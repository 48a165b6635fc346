//! What takes minutes to build, kept outside the tree by what it was built from.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{env, io, process};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::program::succeed;

/// How many entries of a kind stay: two trees may be worked on in turn.
const KEPT: usize = 2;

/// The exit status after an interrupt, as shells have it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// A file system in memory.
pub const MEMORY: &str = "/dev/shm";

/// A directory of entries `KIND-KEY`, of `run-…` directories, and of locks.
#[derive(Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// One entry; it is not pruned while this lives.
#[derive(Debug)]
pub struct Entry {
    directory: PathBuf,
    _lock: File,
}

/// A directory for one run. It is deleted when this is dropped, or else by a later run.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    _lock: File,
}

impl Cache {
    /// The directory `$PRESEED_VM_CACHE`, else `preseed-vm` in `$XDG_CACHE_HOME` or
    /// `~/.cache`; made if it is missing.
    ///
    /// # Errors
    /// None of these variables is set, or the directory cannot be made.
    pub fn open() -> anyhow::Result<Self> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let directory = variable("PRESEED_VM_CACHE")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&variable("XDG_CACHE_HOME")?).join("preseed-vm")))
            .or_else(|| Some(Path::new(&variable("HOME")?).join(".cache/preseed-vm")))
            .context("no cache directory: set PRESEED_VM_CACHE or HOME")?;
        // Its former name. What is in it takes an hour to build.
        let former = directory.with_file_name("preseed-forge");
        if former.is_dir() && !directory.exists() {
            fs::rename(&former, &directory).with_context(|| former.display().to_string())?;
        }
        fs::create_dir_all(&directory)
            .and_then(|()| directory.canonicalize())
            .map(|directory| Self { directory })
            .with_context(|| directory.display().to_string())
    }

    /// A directory in memory, for runs. `None` if there is no room for several machines.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn in_memory() -> anyhow::Result<Option<Self>> {
        /// Several machines' memory and disks.
        const ROOM: u64 = 8 << 30;
        let room = nix::sys::statvfs::statvfs(MEMORY)
            .is_ok_and(|shm| shm.blocks_available() * shm.fragment_size() > ROOM);
        if !room {
            return Ok(None);
        }
        let directory = Path::new(MEMORY).join("preseed-vm");
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        Ok(Some(Self { directory }))
    }

    /// The entry `kind-key`, after `build` has filled its directory if it was not there. What a
    /// build that fails or is killed leaves behind never becomes an entry.
    ///
    /// # Errors
    /// It cannot be built, or the cache cannot be used.
    pub fn entry(
        &self,
        kind: &str,
        key: &str,
        build: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Entry> {
        let directory = self.directory.join(format!("{kind}-{key}"));
        let place = || directory.display().to_string();
        if let Some(entry) = existing(&directory).with_context(place)? {
            return Ok(entry);
        }
        // Kinds are built side by side.
        let _building = self.lock(&format!("build-{kind}.lock"))?;
        if let Some(entry) = existing(&directory).with_context(place)? {
            return Ok(entry);
        }
        self.prune(kind).context("prune the cache")?;
        let unfinished =
            TempDir::with_prefix_in(unfinished(kind), &self.directory).with_context(place)?;
        build(unfinished.path())?;
        fs::rename(unfinished.keep(), &directory).with_context(place)?;
        existing(&directory)
            .transpose()
            .unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
            .with_context(place)
    }

    /// Whether the entry `kind-key` is there.
    pub fn has(&self, kind: &str, key: &str) -> bool {
        self.directory.join(format!("{kind}-{key}")).is_dir()
    }

    /// Puts `files`, which may be on another file system, into the directory `kept-NAME`, in place of what is there.
    /// Gives that directory.
    ///
    /// # Errors
    /// One cannot be copied.
    pub fn keep(&self, files: &[PathBuf], name: &str) -> anyhow::Result<PathBuf> {
        let directory = self.directory.join(format!("kept-{name}"));
        let place = || directory.display().to_string();
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(place)?;
        }
        fs::create_dir_all(&directory).with_context(place)?;
        copy(files, &directory)?;
        Ok(directory)
    }

    /// A fresh directory for one run. Those that killed runs left behind are deleted.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn scratch(&self) -> anyhow::Result<Scratch> {
        let _making = self.lock("run.lock")?;
        let own = own_runs();
        for (name, directory) in self.entries()? {
            // Another thread may just be deleting one of this process's own.
            let is_others = name.starts_with("run-") && !name.starts_with(&own);
            if (is_others || name.starts_with(&unfinished("run")))
                && let Err(error) = remove_unused(&directory)
            {
                eprintln!(
                    "{}: not deleted: {error}; the next run tries again",
                    directory.display()
                );
            }
        }
        let directory = TempDir::with_prefix_in(own_runs(), &self.directory)?;
        let lock = File::open(directory.path())?;
        lock.lock_shared()?;
        Ok(Scratch {
            directory,
            _lock: lock,
        })
    }

    /// Deletes the directories of this process's runs, whoever uses them, if it is told to end.
    /// The machines end with the process.
    ///
    /// # Errors
    /// The signals cannot be handled.
    pub fn clean_up_on_signals(&self) -> anyhow::Result<()> {
        /// Where there may be runs.
        static DIRECTORIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
        let mut directories = DIRECTORIES.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = directories.is_empty();
        directories.push(self.directory.clone());
        if !is_first {
            return Ok(());
        }
        ctrlc::set_handler(|| {
            let directories = DIRECTORIES.lock().unwrap_or_else(PoisonError::into_inner);
            for directory in directories.iter().cloned() {
                for (name, directory) in (Self { directory }).entries().unwrap_or_default() {
                    if name.starts_with(&own_runs()) {
                        // A later run tries again.
                        fs::remove_dir_all(directory).ok();
                    }
                }
            }
            process::exit(INTERRUPTED);
        })?;
        Ok(())
    }

    /// Leaves room for one more of `kind`, and deletes what killed builds left behind.
    /// To be called with the lock for builds of this kind held.
    fn prune(&self, kind: &str) -> anyhow::Result<()> {
        let mut entries = Vec::new();
        for (name, directory) in self.entries()? {
            if name.starts_with(&unfinished(kind)) {
                fs::remove_dir_all(&directory)?;
            } else if name
                .strip_prefix(kind)
                .is_some_and(|key| key.starts_with('-'))
            {
                entries.push((fs::metadata(&directory)?.modified()?, directory));
            }
        }
        entries.sort();
        entries.reverse();
        for (_, directory) in entries.iter().skip(KEPT - 1) {
            remove_unused(directory)?;
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<(String, PathBuf)>> {
        fs::read_dir(&self.directory)?
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok((name, entry.path()))
            })
            .collect()
    }

    /// Waits for the lock `name`, saying so if it is held.
    fn lock(&self, name: &str) -> anyhow::Result<File> {
        let path = self.directory.join(name);
        let place = || path.display().to_string();
        let file = File::create(&path).with_context(place)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("waiting for another process that holds {}", path.display());
                file.lock().with_context(place)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(place),
        }
        Ok(file)
    }
}

impl Entry {
    /// The path of a file of the entry, absolute.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }

    /// What the entry was built from.
    pub fn key(&self) -> &str {
        let name = self.directory.file_name().and_then(OsStr::to_str);
        name.unwrap_or_default()
    }
}

impl Scratch {
    /// The directory, absolute.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Copies sparse files into a directory.
///
/// # Errors
/// One cannot be copied.
pub fn copy(files: &[PathBuf], directory: &Path) -> anyhow::Result<()> {
    // Most of them are holes.
    let mut cp = Command::new("cp");
    succeed(cp.arg("--sparse=auto").args(files).arg(directory))
}

/// How the names of directories begin that are being built, or deleted.
const UNFINISHED: &str = "unfinished-";

/// The same, of one kind.
fn unfinished(kind: &str) -> String {
    format!("{UNFINISHED}{kind}-")
}

/// The kind in the name of an entry, or of a run.
fn kind_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(kind, _)| kind)
}

/// How the names of this process's runs begin.
fn own_runs() -> String {
    format!("run-{}-", process::id())
}

/// Opens an entry, and notes that it is used.
fn existing(directory: &Path) -> io::Result<Option<Entry>> {
    let lock = match File::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    lock.lock_shared()?;
    if !directory.exists() {
        return Ok(None);
    }
    lock.set_times(FileTimes::new().set_modified(SystemTime::now()))?;
    Ok(Some(Entry {
        directory: directory.to_owned(),
        _lock: lock,
    }))
}

/// Deletes a directory unless a process holds its lock, or deletes it as well. It goes by another name first, so that
/// nobody finds half an entry.
fn remove_unused(directory: &Path) -> io::Result<()> {
    let lock = match File::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    match lock.try_lock() {
        Ok(()) => {
            let name = directory.file_name().unwrap_or_default().to_string_lossy();
            let doomed = if name.starts_with(UNFINISHED) {
                // Another process was killed when it deleted this.
                directory.to_owned()
            } else {
                directory.with_file_name(format!("{}{name}", unfinished(kind_of(&name))))
            };
            match fs::rename(directory, &doomed).and_then(|()| fs::remove_dir_all(&doomed)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        }
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_run_deletes_what_others_left_and_nothing_of_its_own_process() {
        let directory = TempDir::new().unwrap();
        let cache = Cache {
            directory: directory.path().to_owned(),
        };
        let own = format!("{}another", own_runs());
        // Whoever deleted the second one was killed then.
        let others = ["run-0-left", "unfinished-run-1-run-1-left"];
        for name in others.into_iter().chain([own.as_str()]) {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let run = cache.scratch().unwrap();
        assert!(directory.path().join(own).exists());
        for name in others {
            assert!(!directory.path().join(name).exists(), "{name} is there");
        }
        drop(run);
    }

    #[test]
    fn what_another_process_deletes_meanwhile_is_no_error() {
        let directory = TempDir::new().unwrap();
        remove_unused(&directory.path().join("run-0-gone")).unwrap();
    }
}
