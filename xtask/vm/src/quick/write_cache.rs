//! A cache below a machine's disks, as real disks have one: what was written and not flushed is lost with the power.
//!
//! The machine's disks are files of a file system in user space, which keeps what is written in memory until it is
//! flushed. User-mode Linux flushes by fsync(2).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// What is kept in one piece, in bytes.
const PAGE: usize = 4096;

/// How long the kernel may remember names and attributes, which never change.
const FOR_EVER: Duration = Duration::from_hours(1);

/// The disks of one machine. What they hold unflushed is lost when this is dropped.
#[derive(Debug)]
pub(super) struct WriteCache {
    disks: Arc<Vec<Disk>>,
    mounted: PathBuf,
    session: Option<BackgroundSession>,
}

/// One disk.
#[derive(Debug)]
struct Disk {
    name: String,
    /// What is on the disk itself.
    file: File,
    size: u64,
    /// What is only in its cache, by the number of the page.
    unflushed: Mutex<BTreeMap<u64, Box<[u8; PAGE]>>>,
}

impl WriteCache {
    /// Puts a cache before `files` of `directory` (absolute). They are to be used below [`WriteCache::directory`],
    /// by programs that this thread starts: nobody else sees it.
    ///
    /// # Errors
    /// A file cannot be opened, or nothing can be mounted.
    pub(super) fn before(directory: &Path, files: &[String]) -> anyhow::Result<Self> {
        let disks = files
            .iter()
            .map(|name| Disk::open(&directory.join(name), name))
            .collect::<io::Result<Vec<_>>>()
            .with_context(|| directory.display().to_string())?;
        let mounted = directory.join("cached");
        fs::create_dir_all(&mounted).with_context(|| mounted.display().to_string())?;
        // It ends with this thread and the programs it has started, however they end.
        unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace")?;
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .context("a mount namespace")?;
        let disks = Arc::new(disks);
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("disks".to_owned()), MountOption::RW];
        let session = fuser::spawn_mount(Files(Arc::clone(&disks)), &mounted, &config)
            .with_context(|| format!("mount {}", mounted.display()))?;
        Ok(Self {
            disks,
            mounted,
            session: Some(session),
        })
    }

    /// Where the disks are used, absolute.
    pub(super) fn directory(&self) -> &Path {
        &self.mounted
    }

    /// Writes what is not flushed yet.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.disks.iter().try_for_each(Disk::flush)
    }

    /// How many bytes are not flushed.
    pub(super) fn unflushed(&self) -> u64 {
        let pages: usize = self.disks.iter().map(|disk| disk.cache().len()).sum();
        (pages * PAGE) as u64
    }
}

impl Drop for WriteCache {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // It goes with the thread's mount namespace at the latest.
            session.umount_and_join().ok();
        }
    }
}

impl Disk {
    fn open(path: &Path, name: &str) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            name: name.to_owned(),
            file,
            size,
            unflushed: Mutex::default(),
        })
    }

    fn cache(&self) -> MutexGuard<'_, BTreeMap<u64, Box<[u8; PAGE]>>> {
        self.unflushed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `length` bytes from `offset` on: fewer at the disk's end.
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let left = self.size.saturating_sub(offset);
        let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut data = vec![0; length];
        self.file.read_exact_at(&mut data, offset)?;
        let cache = self.cache();
        for (page, within, part) in pieces(offset, length) {
            if let Some(cached) = cache.get(&page) {
                data[part.clone()].copy_from_slice(&cached[within..within + part.len()]);
            }
        }
        Ok(data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut cache = self.cache();
        for (page, within, part) in pieces(offset, data.len()) {
            let held = match cache.entry(page) {
                Entry::Occupied(held) => held.into_mut(),
                Entry::Vacant(place) => {
                    let mut held = Box::new([0; PAGE]);
                    if part.len() < PAGE {
                        self.file.read_exact_at(&mut held[..], page * PAGE as u64)?;
                    }
                    place.insert(held)
                }
            };
            held[within..within + part.len()].copy_from_slice(&data[part]);
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut cache = self.cache();
        for (page, data) in &*cache {
            self.file.write_all_at(&data[..], page * PAGE as u64)?;
        }
        cache.clear();
        Ok(())
    }
}

/// The pages that `length` bytes from `offset` on lie in: each one's number, where in it they begin, and which of the
/// bytes lie there.
fn pieces(
    offset: u64,
    length: usize,
) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let within = usize::try_from(at % PAGE as u64).unwrap_or(0);
        let part = done..length.min(done + PAGE - within);
        done = part.end;
        Some((at / PAGE as u64, within, part))
    })
}

/// The file system: a directory of the disks.
struct Files(Arc<Vec<Disk>>);

impl Files {
    /// Disks have the numbers after the directory's.
    fn disk(&self, number: INodeNo) -> Option<&Disk> {
        let index = number.0.checked_sub(INodeNo::ROOT.0 + 1)?;
        self.0.get(usize::try_from(index).ok()?)
    }

    fn attributes(&self, number: INodeNo) -> Option<FileAttr> {
        let (kind, perm, size) = if number == INodeNo::ROOT {
            (FileType::Directory, 0o700, 0)
        } else {
            (FileType::RegularFile, 0o600, self.disk(number)?.size)
        };
        Some(FileAttr {
            ino: number,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let index = self.0.iter().position(|disk| name == disk.name.as_str());
        let number = index.map(|index| INodeNo(INodeNo::ROOT.0 + 1 + index as u64));
        match number.and_then(|number| self.attributes(number)) {
            Some(attributes) if parent == INodeNo::ROOT => {
                reply.entry(&FOR_EVER, &attributes, Generation(0));
            }
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(number) {
            Some(attributes) => reply.attr(&FOR_EVER, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // The host's kernel keeps nothing: what is written is here at once.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(disk) = self.disk(number) else {
            return reply.error(Errno::ENOENT);
        };
        match disk.read(offset, size as usize) {
            Ok(data) => reply.data(&data),
            Err(error) => reply.error(error.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let Some(disk) = self.disk(number) else {
            return reply.error(Errno::ENOENT);
        };
        let written = u32::try_from(data.len());
        match (disk.write(offset, data), written) {
            (Ok(()), Ok(written)) => reply.written(written),
            (Ok(()), Err(_)) => reply.error(Errno::EINVAL),
            (Err(error), _) => reply.error(error.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // That is close(2), which writes nothing.
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let Some(disk) = self.disk(number) else {
            return reply.error(Errno::ENOENT);
        };
        match disk.flush() {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn disk(directory: &Path) -> Disk {
        let path = directory.join("disk");
        fs::write(&path, [1; 3 * PAGE]).unwrap();
        Disk::open(&path, "disk").unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_and_on_the_disk_only_once_it_is_flushed() {
        let directory = tempfile::tempdir().unwrap();
        let disk = disk(directory.path());
        let (offset, length) = (PAGE as u64 - 512, PAGE + 1024);
        disk.write(offset, &vec![2; length]).unwrap();
        let mut expected = vec![1; 3 * PAGE];
        expected[PAGE - 512..2 * PAGE + 512].fill(2);
        assert_eq!(disk.read(0, 4 * PAGE).unwrap(), expected);
        let on_disk = || fs::read(directory.path().join("disk")).unwrap();
        assert_eq!(on_disk(), [1; 3 * PAGE]);
        disk.flush().unwrap();
        assert_eq!(on_disk(), expected);
        assert!(disk.cache().is_empty());
    }
}
