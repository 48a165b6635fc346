//! Holds back an answer that was given just before: whatever activates a service again at once (a socket, a path, a
//! loop) is then let try a few times a minute, and succeeds as soon as the cause is mended.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::status;

/// Where is noted what was refused since the machine was started.
const DIRECTORY: &str = "/run/preseed/refused";

/// Refusals that are further apart than this have nothing to do with each other, in seconds.
const TOGETHER: u64 = 60;

/// How many refusals for the same reason are told at once.
const AT_ONCE: u32 = 2;

/// For how long the first one that is not told at once is held back, in seconds; each further one three times as long.
const FIRST_HOLD: u64 = 3;

/// How long an answer is held back at most, in seconds.
const LONGEST: u64 = 30;

/// What is noted of the refusals of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused {
    /// Tells the reason.
    reason: u64,
    /// How often in a row.
    times: u32,
    /// When it was told the first time and the last time, in seconds since the machine was started.
    first: u64,
    last: u64,
}

impl Refused {
    /// What is to be noted of one more refusal, and for how long it is held back, in seconds.
    fn again(before: Option<&Self>, reason: u64, now: u64) -> (Self, u64) {
        let before = before.filter(|before| {
            let since = if before.times <= AT_ONCE {
                before.first
            } else {
                before.last
            };
            before.reason == reason && now >= since && now - since < TOGETHER
        });
        let times = before.map_or(1, |before| before.times.saturating_add(1));
        let hold = match times.checked_sub(AT_ONCE + 1) {
            None => 0,
            Some(more) => FIRST_HOLD
                .saturating_mul(3_u64.saturating_pow(more))
                .min(LONGEST),
        };
        let refused = Self {
            reason,
            times,
            first: before.map_or(now, |before| before.first),
            last: now + hold,
        };
        (refused, hold)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut number = || numbers.next()?.ok();
        Some(Self {
            reason: number()?,
            times: u32::try_from(number()?).ok()?,
            first: number()?,
            last: number()?,
        })
    }

    fn text(&self) -> String {
        let Self {
            reason,
            times,
            first,
            last,
        } = self;
        format!("{reason} {times} {first} {last}\n")
    }
}

/// Waits before a service is refused for the same reason as often before: for the third time within a minute 3 s,
/// and then 9, 27, and 30 s each time. Only where systemd runs us: a person waits for nothing.
pub(crate) fn back(service: &str, reason: &str) {
    if !process::systemd_runs_us() {
        return;
    }
    // Where nothing can be noted, nothing is held back.
    let _ = try_back(service, reason);
}

fn try_back(service: &str, reason: &str) -> io::Result<()> {
    let path = path_of(service);
    let before = fs::read_to_string(&path).ok();
    let before = before.as_deref().and_then(Refused::parse);
    let (refused, hold) = Refused::again(before.as_ref(), fingerprint(reason), uptime()?);
    make_directory()?;
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(&path)?;
    file.write_all(refused.text().as_bytes())?;
    if hold > 0 {
        let times = refused.times;
        status::set(&format!(
            "{reason} (told {times} times in a row: held back for {hold} s)"
        ));
        std::thread::sleep(Duration::from_secs(hold));
        status::set(reason);
    }
    Ok(())
}

/// Forgets what a service was refused for: it is not any more.
pub fn forget(service: &str) {
    // Most often there is nothing.
    let _ = fs::remove_file(path_of(service));
}

/// A file of its own for each service and each program that may refuse it.
fn path_of(service: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let mut name = format!("{program}-");
    for byte in service.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name.truncate(200);
    Path::new(DIRECTORY).join(name)
}

fn make_directory() -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create("/run/preseed")?;
    match DirBuilder::new().mode(0o700).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The same for reasons that differ only in numbers: times, processes, seconds.
fn fingerprint(reason: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let words: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
    words.hash(&mut hasher);
    hasher.finish()
}

/// How long the machine has been up, in seconds (proc_uptime(5)).
fn uptime() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/uptime")?;
    let seconds = text.split('.').next().and_then(|text| text.parse().ok());
    seconds.ok_or_else(|| ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The times for which answers are held back that are given again at once.
    fn held(reasons: &[u64], pause: u64) -> Vec<u64> {
        let mut before = None;
        let mut now = 100;
        reasons
            .iter()
            .map(|reason| {
                let (refused, hold) = Refused::again(before.as_ref(), *reason, now);
                assert_eq!(Refused::parse(&refused.text()), Some(refused.clone()));
                now = refused.last + pause;
                before = Some(refused);
                hold
            })
            .collect()
    }

    #[test]
    fn the_third_refusal_within_a_minute_is_held_back() {
        assert_eq!(held(&[1; 10], 0), [0, 0, 3, 9, 27, 30, 30, 30, 30, 30]);
        assert_eq!(held(&[1; 40], 1)[39], 30);
    }

    #[test]
    fn another_reason_or_a_pause_begins_anew() {
        assert_eq!(held(&[1, 1, 1, 2, 1, 1, 1], 0), [0, 0, 3, 0, 0, 0, 3]);
        assert_eq!(held(&[1; 5], 61), [0; 5]);
        // Three within a minute, not one every 40 seconds.
        assert_eq!(held(&[1; 4], 40), [0, 0, 0, 0]);
    }

    #[test]
    fn numbers_make_no_other_reason() {
        assert_eq!(
            fingerprint("process 12 is gone"),
            fingerprint("process 7 is gone")
        );
        assert_ne!(fingerprint("a"), fingerprint("b"));
    }

    #[test]
    fn what_cannot_be_read_is_no_refusal() {
        for text in ["", "1 2 3", "x 1 1 1", "1 99999999999 1 1"] {
            assert_eq!(Refused::parse(text), None, "{text}");
        }
    }
}
