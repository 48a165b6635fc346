//! Who is known on this machine: users and groups, by name and by number, from wherever nsswitch.conf(5) says.
//!
//! A directory service may not answer at all. So each question is asked in a thread of its own, and nobody waits longer
//! for it than [`LIMIT`].

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// How long an answer is waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// Whether a question was given up: what has stood still for that long is not asked again and again.
static STANDS_STILL: AtomicBool = AtomicBool::new(false);

/// Why it is not known whether there is a user or a group, in words.
pub(crate) type Unknown = String;

/// The user of this name; `None`: there is none.
pub(crate) fn user(name: &str) -> Result<Option<User>, Unknown> {
    let name = name.to_owned();
    ask(move || User::from_name(&name))
}

/// The user of this number.
pub(crate) fn user_of(uid: u32) -> Result<Option<User>, Unknown> {
    ask(move || User::from_uid(Uid::from_raw(uid)))
}

/// The group of this name.
pub(crate) fn group(name: &str) -> Result<Option<Group>, Unknown> {
    let name = name.to_owned();
    ask(move || Group::from_name(&name))
}

/// The group of this number.
pub(crate) fn group_of(gid: u32) -> Result<Option<Group>, Unknown> {
    ask(move || Group::from_gid(Gid::from_raw(gid)))
}

/// The numbers of all groups that a user is a member of.
pub(crate) fn groups_of(user: &User) -> Result<Vec<u32>, Unknown> {
    let (name, gid) = (user.name.clone(), user.gid);
    ask(move || {
        let name = CString::new(name).map_err(|_| nix::Error::EINVAL)?;
        let groups = getgrouplist(&name, gid)?;
        Ok(groups.into_iter().map(Gid::as_raw).collect())
    })
}

fn ask<T: Send + 'static>(
    question: impl FnOnce() -> nix::Result<T> + Send + 'static,
) -> Result<T, Unknown> {
    if STANDS_STILL.load(Ordering::Relaxed) {
        return Err(silent(LIMIT));
    }
    let answer = ask_within(LIMIT, question)?;
    if answer.is_none() {
        STANDS_STILL.store(true, Ordering::Relaxed);
    }
    let answer = answer.ok_or_else(|| silent(LIMIT))?;
    answer.map_err(|error| error.to_string())
}

fn silent(limit: Duration) -> Unknown {
    format!("no answer within {} s", limit.as_secs())
}

/// Asks in a thread of its own; `None`: there was no answer.
fn ask_within<T: Send + 'static>(
    limit: Duration,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<Option<T>, Unknown> {
    let (answer, answers) = mpsc::channel();
    let asking = thread::Builder::new().spawn(move || {
        // Nobody may be waiting any more.
        let _ = answer.send(question());
    });
    asking.map_err(|error| error.to_string())?;
    Ok(answers.recv_timeout(limit).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Instant;

    use super::*;

    #[test]
    fn who_is_known_is_found_by_name_and_by_number() {
        let root = user("root").unwrap().unwrap();
        assert_eq!(root.uid.as_raw(), 0);
        assert_eq!(user_of(0).unwrap().unwrap().name, "root");
        assert_eq!(group_of(0).unwrap().unwrap().name, "root");
        assert_eq!(group("root").unwrap().unwrap().gid.as_raw(), 0);
        assert!(groups_of(&root).unwrap().contains(&0));
        assert!(user("no-such-user").unwrap().is_none());
        assert!(group("no-such-group").unwrap().is_none());

        let begun = Instant::now();
        let silent = || thread::sleep(Duration::from_mins(1));
        assert_eq!(ask_within(Duration::from_secs(1), silent), Ok(None));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
