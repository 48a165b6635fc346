//! Any bytes for each reader of what somebody else can write: a service's user, another program, the admin of a pool.
//! The fuzzer's target and the tests of this crate give them.

use std::path::Path;

use crate::stall::Io;
use crate::zfs::listing;
use crate::{Error, Mark, MarkState, command, kept, lock, mountinfo, zfs};

/// Gives `bytes` to each reader: none panics, and what is read is what was meant.
///
/// # Panics
/// When something is read that was not meant.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for asked in [&["type", "mountpoint", "guid"][..], &["guid"], &[]] {
        for values in listing::read(&text, asked).into_iter().flatten() {
            assert_eq!(values.1.len(), asked.len(), "{values:?}");
        }
    }
    assert!(bytes.starts_with(listing::only_value(bytes)));
    if let Some(values) = listing::values(bytes, &["a", "b"]) {
        assert!(values.iter().all(|value| !value.contains(&b'\n')));
    }
    for snapshot in zfs::snapshots::snapshots_in(&text, "tank/a")
        .into_iter()
        .flatten()
    {
        assert!(!snapshot.snapshot.name.contains('\n'));
    }
    mountinfo::any_table(bytes, Path::new("/srv"));
    if let MarkState::Ours(mark) = Mark::read(&text, "guid:1")
        && !text.contains(['\n', '\r'])
    {
        assert_eq!(
            Mark::read(&mark.bound_to("guid:1"), "guid:1"),
            MarkState::Ours(mark)
        );
    }
    let note = kept::Note::parse(&text);
    if note.at.is_some() {
        assert_eq!(kept::Note::parse(&note.to_string()).at, note.at);
    }
    zfs::damage::any_status(&text);
    let _ = Io::parse(&text);
    assert_ne!(lock::holder_in(&text, 7), Some(0));
    let told = Error::new(&*text, command::one_line(bytes), &*text).to_string();
    assert!(!told.contains(char::is_control), "{told}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check;

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in any::<Vec<u8>>()) {
            check(&bytes);
        }

        /// Lines that are nearly what is expected.
        #[test]
        fn nearly_right_lines_are_read(lines in proptest::collection::vec(proptest::sample::select(vec![
            "tank/a\ttype\tlocal\tfilesystem", "tank/a\tmountpoint\tlocal\t/srv", "tank/a\tguid\t-\t1",
            "7\t1763878800\t99\ttank/a@b\tc", "7\t-1\t99\ttank/a@b", "40 22 0:50 / /srv/a\\040b rw - zfs tank/a@b rw",
            "40 22 0:50 / /srv rw shared:2 - zfs tank/a rw", "40 22 :50 / /srv rw - zfs", "rchar: 1", "wchar: 18446744073709551615",
            "rchar: -1", "2: FLOCK  ADVISORY  WRITE 12 fe:00:7 0 EOF", "2: FLOCK  ADVISORY  WRITE 0 fe:00:7 0 EOF",
            "seeded of=guid:1 by=x at=2026-11-23T00:00:00Z from=tank/a@b", "at=2026-11-23T00:00:00Z why=x seen=y from=z",
            " state: ONLINE", "errors: ", "config:", "\tvault DEGRADED 0 0 0", "        tank/a@b:/c", "        <0x1f>:<0x2>",
            "\\", "\\04", "\t\t\t", "", "\u{1b}[2J",
        ]), 0..8)) {
            check(lines.join("\n").as_bytes());
        }
    }
}
