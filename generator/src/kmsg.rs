//! Messages of a generator: to the kernel's log, since the journal may not run yet.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

/// The longest record, below what every kernel's /dev/kmsg takes.
const RECORD_LIMIT: usize = 960;
/// The priority of an error (syslog(3)).
const ERROR: u8 = 3;

/// Where messages go. Logging never fails and never waits.
#[derive(Debug)]
pub struct Log {
    kmsg: Option<File>,
    stderr: bool,
}

impl Log {
    /// Opens the kernel's log, or falls back to standard error where it cannot be written.
    ///
    /// For who runs it by hand: a terminal gets the messages as well, and with
    /// `SYSTEMD_LOG_TARGET=console` standard error gets them instead.
    #[must_use]
    pub fn open() -> Self {
        if std::env::var_os("SYSTEMD_LOG_TARGET").is_some_and(|target| target == "console") {
            return Self {
                kmsg: None,
                stderr: true,
            };
        }
        let kmsg = open_kmsg().ok();
        Self {
            stderr: kmsg.is_none() || io::stderr().is_terminal(),
            kmsg,
        }
    }

    /// Logs an error as one record.
    pub fn error(&mut self, message: &str) {
        let mut sent = false;
        if let Some(kmsg) = &mut self.kmsg {
            sent = kmsg
                .write_all(record(std::process::id(), message).as_bytes())
                .is_ok();
        }
        if self.stderr || !sent {
            let _ = io::stderr().write_all(format!("{}\n", one_line(message)).as_bytes());
        }
    }
}

fn open_kmsg() -> io::Result<File> {
    // O_NONBLOCK: in a container the name may be a pipe that nobody reads.
    let kmsg = OpenOptions::new()
        .write(true)
        .custom_flags(nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK)
        .open("/dev/kmsg")?;
    if kmsg.metadata()?.file_type().is_char_device() {
        Ok(kmsg)
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The record for one message, as /dev/kmsg takes it: priority, who, what.
fn record(pid: u32, message: &str) -> String {
    let mut record = format!("<{ERROR}>preseed-generator[{pid}]: {}", one_line(message));
    if record.len() >= RECORD_LIMIT {
        let mut end = RECORD_LIMIT - "…\n".len();
        while !record.is_char_boundary(end) {
            end -= 1;
        }
        record.truncate(end);
        record.push('…');
    }
    record.push('\n');
    record
}

/// `message` without what would start a second record.
fn one_line(message: &str) -> String {
    message.replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_with_its_priority() {
        assert_eq!(record(7, "a\nb"), "<3>preseed-generator[7]: a b\n");
    }

    #[test]
    fn a_long_record_is_cut_between_characters() {
        let long = record(7, &"ü".repeat(1000));
        assert!(long.len() <= RECORD_LIMIT, "{} bytes", long.len());
        assert!(long.ends_with("ü…\n"), "{long}");
    }
}
