//! What `zfs` and `zpool` say, read. Nothing else looks at their words.

use crate::command::Ended;
use crate::error::ErrorKind;

/// What they say, and the kind of error that it is: the first that fits.
const KINDS: [(&str, ErrorKind); 18] = [
    // Whatever is wrong with it.
    ("cannot set property", ErrorKind::PropertyRefused),
    ("currently suspended", ErrorKind::Suspended),
    ("key not loaded", ErrorKind::KeyNotLoaded),
    ("key must be loaded", ErrorKind::KeyNotLoaded),
    ("out of space", ErrorKind::NoSpace),
    ("no space left", ErrorKind::NoSpace),
    ("quota", ErrorKind::Quota),
    ("busy", ErrorKind::Busy),
    ("no such pool", ErrorKind::NotImported),
    ("pool was imported read-only", ErrorKind::ReadOnly),
    ("read-only", ErrorKind::ReadOnly),
    ("permission denied", ErrorKind::Permission),
    ("does not exist", ErrorKind::Gone),
    ("i/o error", ErrorKind::Unreadable),
    ("input/output error", ErrorKind::Unreadable),
    ("checksum", ErrorKind::Unreadable),
    ("/dev/zfs", ErrorKind::NotInstalled),
    ("modules", ErrorKind::NotInstalled),
];

/// The kind of error that these words of `zfs` or `zpool` tell of.
pub(super) fn kind(said: &str) -> ErrorKind {
    let said = without_names(said).to_lowercase();
    let mut known = KINDS.iter().filter(|(words, _)| said.contains(words));
    let known = known.next().map(|(_, kind)| *kind);
    known
        .or_else(|| ErrorKind::in_words(&said))
        .unwrap_or(ErrorKind::Other)
}

/// The words of each line without the names in it, which are quoted: a dataset may be called `quota`, and a mountpoint
/// may hold a quote.
fn without_names(said: &str) -> String {
    let lines = said.split("; ").map(|line| match line.split_once('\'') {
        Some((before, named)) => {
            let after = named.rsplit_once('\'').map_or(named, |(_, after)| after);
            format!("{before}''{after}")
        }
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Whether they say that a dataset does not exist. They say so of datasets of missing pools as well.
pub(super) fn says_missing(ended: &Ended) -> bool {
    ended.status.code() == Some(1)
        && !ended.stderr.is_empty()
        && ended
            .stderr_lines
            .lines()
            .filter(|line| !line.trim().is_empty())
            .all(|line| line.trim_end().ends_with(": dataset does not exist"))
}

/// Whether they say that they know no property of that name.
pub(super) fn says_unknown_property(ended: &Ended) -> bool {
    ended.stderr.contains("invalid property")
}

/// Whether they say that a dataset is not shared: no server runs that could share it.
pub(super) fn says_not_shared(ended: &Ended) -> bool {
    ended.stderr.contains("not currently shared")
}

/// Whether they say that a pool, or a dataset, is of a time before there was what was asked for.
pub(super) fn says_too_old(ended: &Ended) -> bool {
    ["not supported", "must be upgraded", "needs to be upgraded"]
        .iter()
        .any(|words| ended.stderr.contains(words))
}

/// Whether a receiver says that its stream ended too early: that is the sender's fault.
pub(super) fn says_cut_short(receiver: &Ended) -> bool {
    receiver.stderr.contains("incomplete stream")
}

/// Whether a sender ended by itself because what it was to send cannot be read: `EIO`, or ZFS's own `ECKSUM`, which is
/// `EBADE`.
pub(super) fn says_unreadable(sender: &Ended) -> bool {
    let said = sender.stderr.to_lowercase();
    [
        "input/output error",
        "i/o error",
        "invalid exchange",
        "checksum",
    ]
    .iter()
    .any(|words| sender.status.code().is_some() && said.contains(words))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;
    use crate::command::one_line;

    #[test]
    fn of_many_that_are_missing_each_line_counts() {
        let missing =
            |number: usize| format!("cannot open 'tank/{number}': dataset does not exist\n");
        let ended = |lines: Vec<String>| Ended {
            line: "zfs get".to_owned(),
            status: ExitStatus::from_raw(1 << 8),
            stdout: String::new(),
            stderr: one_line(lines.concat().as_bytes()),
            stderr_lines: lines.concat(),
        };
        assert!(says_missing(&ended((0..300).map(missing).collect())));
        let mut lines: Vec<String> = (0..300).map(missing).collect();
        lines[150] = "cannot open 'tank/150': I/O error\n".to_owned();
        assert!(!says_missing(&ended(lines)));
        assert!(!says_missing(&ended(Vec::new())));
    }

    #[test]
    fn the_words_of_zfs_tell_the_kind() {
        for (said, expected) in [
            ("cannot create 'tank/a': out of space", ErrorKind::NoSpace),
            (
                "cannot receive new filesystem stream: destination tank/a space quota exceeded.",
                ErrorKind::Quota,
            ),
            ("cannot destroy 'tank/a': dataset is busy", ErrorKind::Busy),
            (
                "cannot unmount '/srv/a': pool or dataset is busy",
                ErrorKind::Busy,
            ),
            ("cannot open 'tank': no such pool", ErrorKind::NotImported),
            (
                "cannot open 'tank/a': dataset does not exist",
                ErrorKind::Gone,
            ),
            (
                "cannot mount 'tank/a': encryption key not loaded",
                ErrorKind::KeyNotLoaded,
            ),
            (
                "cannot set property for 'tank/a': pool must be upgraded to set this property or value",
                ErrorKind::PropertyRefused,
            ),
            (
                "cannot clone 'tank/a@b': permission denied",
                ErrorKind::Permission,
            ),
            (
                "The ZFS modules are not loaded.; Try running '/sbin/modprobe zfs' as root to load them.",
                ErrorKind::NotInstalled,
            ),
            (
                "cannot set property for 'tank': pool I/O is currently suspended",
                ErrorKind::PropertyRefused,
            ),
            (
                "cannot open 'tank': pool I/O is currently suspended",
                ErrorKind::Suspended,
            ),
            (
                "cannot unmount '/srv/it's': pool or dataset is busy",
                ErrorKind::Busy,
            ),
            // Names are no words.
            ("cannot rename 'tank/quota-busy': unknown", ErrorKind::Other),
            ("", ErrorKind::Other),
        ] {
            assert_eq!(kind(said), expected, "{said}");
        }
    }
}
