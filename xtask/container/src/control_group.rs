//! A control group of a container's own: two in one group would end each other's services.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

const PREFIX: &str = "preseed-container-";

/// Where a container's processes are. Removed when dropped, if they are gone.
#[derive(Debug)]
pub(crate) enum ControlGroup {
    /// A scope unit, made and removed by this machine's service manager.
    Scope,
    /// A directory of the unified hierarchy.
    Directory(PathBuf),
    /// There is no unified hierarchy.
    Shared,
}

impl ControlGroup {
    /// A new one for a machine of this `id`, which starts with this process's. What killed runs
    /// have left is removed.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new(id: &str) -> anyhow::Result<Self> {
        // sd_booted(3)
        if Path::new("/run/systemd/system").exists() {
            return Ok(Self::Scope);
        }
        let Some(parent) = own()? else {
            return Ok(Self::Shared);
        };
        let place = || parent.display().to_string();
        for entry in fs::read_dir(&parent).with_context(place)? {
            let entry = entry.with_context(place)?;
            if is_left(&entry.file_name().to_string_lossy()) {
                remove(&entry.path());
            }
        }
        let path = parent.join(format!("{PREFIX}{id}"));
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self::Directory(path))
    }

    /// The words to put before a command, so that it runs in the group.
    pub(crate) fn entrance(&self) -> Vec<OsString> {
        match self {
            Self::Scope => [
                "systemd-run",
                "--scope",
                "--quiet",
                "--collect",
                "--property=Delegate=yes",
            ]
            .map(OsString::from)
            .to_vec(),
            Self::Directory(path) => vec![
                "sh".into(),
                "-c".into(),
                "echo $$ >\"$0\" && exec \"$@\"".into(),
                path.join("cgroup.procs").into(),
            ],
            Self::Shared => Vec::new(),
        }
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        if let Self::Directory(path) = self {
            remove(path);
        }
    }
}

/// This process's group in the unified hierarchy, as a directory (cgroups(7)).
fn own() -> anyhow::Result<Option<PathBuf>> {
    let read = |file: &str| fs::read_to_string(file).context(file.to_owned());
    let (mounts, groups) = (read("/proc/self/mounts")?, read("/proc/self/cgroup")?);
    let mount = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let directory = words.next()?;
        (words.next()? == "cgroup2").then_some(directory)
    });
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"));
    Ok(mount
        .zip(group)
        .map(|(mount, group)| Path::new(mount).join(group)))
}

/// Whether a group of this name is of a process that has ended.
fn is_left(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.split('-').next())
        .is_some_and(|process| !Path::new("/proc").join(process).exists())
}

/// Removes a group and those below it, unless there are processes in it.
fn remove(group: &Path) {
    let Ok(entries) = fs::read_dir(group) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _in_use = fs::remove_dir(group);
}
