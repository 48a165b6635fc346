//! Which processes use what is mounted: have files open there, or stand there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::namespaces::{self, Owner};
use crate::writers::Opened;

/// A process that uses what is mounted.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) owner: Owner,
    /// Whether it has a file open for writing there that has a name, or may get one.
    pub(crate) writes: bool,
}

/// The processes that have files open on these mounts (by number) or below one of these directories, or stand there.
/// Files that are only mapped are not found: what must be sure asks the kernel.
///
/// # Errors
/// When /proc cannot be read.
pub(crate) fn users(mounts: &BTreeSet<u64>, directories: &[PathBuf]) -> Result<Vec<User>> {
    let mut users = Vec::new();
    for process in namespaces::processes()? {
        if process == std::process::id() {
            continue;
        }
        let is_below = |link: &str| {
            fs::read_link(format!("/proc/{process}/{link}")).is_ok_and(|to| {
                directories
                    .iter()
                    .any(|directory| to.starts_with(directory))
            })
        };
        let stands = is_below("cwd") || is_below("root") || is_below("exe");
        let (opens, writes) = open_files(process, mounts, directories);
        if stands || opens {
            users.push(User {
                owner: namespaces::owner(process),
                writes,
            });
        }
    }
    Ok(users)
}

/// Whether a process has a file open there, and one for writing (proc_pid_fdinfo(5)).
fn open_files(process: u32, mounts: &BTreeSet<u64>, directories: &[PathBuf]) -> (bool, bool) {
    let (mut opens, mut writes) = (false, false);
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fdinfo")) else {
        return (opens, writes);
    };
    for entry in entries.flatten() {
        let told = fs::read_to_string(entry.path()).unwrap_or_default();
        let value = |key: &str| told.lines().find_map(|line| line.strip_prefix(key));
        let mount = value("mnt_id:").and_then(|id| id.trim().parse().ok());
        let is_on = mount.is_some_and(|id: u64| mounts.contains(&id));
        let is_below = || {
            let link = Path::new("/proc").join(process.to_string());
            fs::read_link(link.join("fd").join(entry.file_name())).is_ok_and(|to| {
                directories
                    .iter()
                    .any(|directory| to.starts_with(directory))
            })
        };
        if !is_on && !is_below() {
            continue;
        }
        opens = true;
        let opened = Opened::read(&told);
        let file = Path::new("/proc").join(process.to_string());
        let file = file.join("fd").join(entry.file_name());
        writes |= opened.is_none_or(|opened| opened.writes && !opened.is_gone(&file));
    }
    (opens, writes)
}
