//! A rollback journal that names a super-journal (sqlite.org/atomiccommit.html, "Multi-file Commit"): SQLite plays it
//! back only if a file of that name, at any absolute path, is there, and then deletes that file.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// What ends a journal that names one.
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Length, checksum and magic.
const TAIL: usize = 16;

/// Longer ones SQLite does not believe.
const LONGEST: u32 = 512;

/// A record at a journal's end that names its super-journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Super {
    /// The name, as the journal has it.
    pub(super) path: PathBuf,
    /// Where the record begins in the journal.
    pub(super) at: u64,
}

/// The super-journal that a journal names, as SQLite reads it (`readSuperJournal` in its pager.c); `None` if it names
/// none that SQLite would believe.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn super_of(journal: &File) -> io::Result<Option<Super>> {
    let size = journal.metadata()?.len();
    let Some(tail_at) = size.checked_sub(TAIL as u64) else {
        return Ok(None);
    };
    let mut tail = [0; TAIL];
    journal.read_exact_at(&mut tail, tail_at)?;
    let number =
        |at: usize| u32::from_be_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
    let (length, checksum) = (number(0), number(4));
    let Some(at) = tail_at.checked_sub(u64::from(length)) else {
        return Ok(None);
    };
    if tail[8..] != MAGIC || length == 0 || length > LONGEST {
        return Ok(None);
    }
    let mut name = vec![0; length as usize];
    journal.read_exact_at(&mut name, at)?;
    // Of signed characters, where those are signed.
    let sum = |signed: bool| {
        name.iter().fold(0_u32, |sum, &byte| {
            let value = if signed {
                i32::from(byte.cast_signed()).cast_unsigned()
            } else {
                u32::from(byte)
            };
            sum.wrapping_add(value)
        })
    };
    if checksum != sum(true) && checksum != sum(false) {
        return Ok(None);
    }
    // In C, it ends at its first zero.
    name.truncate(
        name.iter()
            .position(|&byte| byte == 0)
            .unwrap_or(name.len()),
    );
    if name.is_empty() {
        return Ok(None);
    }
    Ok(Some(Super {
        path: PathBuf::from(OsString::from_vec(name)),
        // The number of a page that is none stands before the name.
        at: at.saturating_sub(4),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn journal(name: &[u8], length: u32, checksum: u32) -> File {
        let file = tempfile::tempfile().unwrap();
        let bytes = [
            &[b'x'; 512][..],
            &0_u32.to_be_bytes(),
            name,
            &length.to_be_bytes(),
            &checksum.to_be_bytes(),
            &MAGIC,
        ]
        .concat();
        file.write_all_at(&bytes, 0).unwrap();
        file
    }

    #[test]
    fn a_super_journal_is_read_as_sqlite_reads_it() {
        let name = b"/srv/app/a.db-mj1";
        let sum = name.iter().map(|&byte| u32::from(byte)).sum();
        assert_eq!(
            super_of(&journal(name, 17, sum)).unwrap(),
            Some(Super {
                path: "/srv/app/a.db-mj1".into(),
                at: 512,
            })
        );
        for journal in [
            journal(name, 17, sum + 1),
            journal(name, 0, 0),
            journal(name, u32::MAX, sum),
            journal(&[0; 3], 3, 0),
            tempfile::tempfile().unwrap(),
        ] {
            assert_eq!(super_of(&journal).unwrap(), None);
        }
    }
}
