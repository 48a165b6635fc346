//! SQLite's own integrity check (sqlite.org/pragma.html#pragma_integrity_check), in a process that can do no harm: it
//! runs as a user who owns nothing but the files it is given.

use std::path::Path;
use std::process::ExitCode;

use nix::sys::prctl;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// The exit status that says that the database is not sound. What is wrong is the last line of standard output.
pub(super) const UNSOUND: u8 = 1;

/// The exit status that says that it could not be checked: that says nothing of the data. Why is the last line of
/// standard error.
pub(super) const UNCHECKED: u8 = 2;

/// Checks the database `file` with what its log and journal hold, and says by its exit status how it is.
pub(super) fn check_database(file: &Path) -> ExitCode {
    // Another check of the same user's cannot look into this process. Where that fails, it has a user of its own.
    let _ = prctl::set_dumpable(false);
    match integrity(file) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(what)) => {
            println!("{}", what.lines().next().unwrap_or_default());
            ExitCode::from(UNSOUND)
        }
        Err(error) if is_damage(&error) => {
            println!("{error}");
            ExitCode::from(UNSOUND)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(UNCHECKED)
        }
    }
}

/// The first thing that is wrong, if any.
fn integrity(file: &Path) -> rusqlite::Result<Option<String>> {
    // For writing: else a log cannot be read where there is no shared memory for it yet.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // What the schema names is not run: it is data of the service's.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Before the first access: the index of the log is then kept in memory.
    let _: String =
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |row| row.get(0))?;
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    if pages == 0 {
        return Ok(Some("it is empty".to_owned()));
    }
    let said = match ask(&connection, "integrity_check") {
        // The service brings its own; without them, indexes cannot be compared with their tables.
        Err(error) if is_unknown_here(&error) => {
            connection.collation_needed(|connection, name| {
                connection.create_collation(name, |a: &str, b: &str| a.cmp(b))
            })?;
            ask(&connection, "quick_check")
        }
        said => said,
    }?;
    connection.close().map_err(|(_, error)| error)?;
    Ok((said != "ok").then_some(said))
}

fn ask(connection: &Connection, check: &str) -> rusqlite::Result<String> {
    connection.query_row(&format!("PRAGMA {check}(1)"), [], |row| row.get(0))
}

/// Whether SQLite says that the file itself is at fault; all else (no room, no memory, a disk that cannot be read, …)
/// is the machine's.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Whether it is only that a collation, function or module of the service's is not known here.
fn is_unknown_here(error: &rusqlite::Error) -> bool {
    let said = error.to_string();
    // FTS3 and FTS4 say it in their own way.
    said.contains("unknown tokenizer")
        || ["collation", "function", "module", "tokenizer"]
            .iter()
            .any(|what| said.contains(&format!("no such {what}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    const SIZE: u64 = 4096;

    /// A database with an index, and with a log that holds the newer half of it; copied while it was in use.
    fn copied(with_log: bool) -> tempfile::TempDir {
        let live = tempfile::tempdir().unwrap();
        let copy = tempfile::tempdir().unwrap();
        let database = Connection::open(live.path().join("a.db")).unwrap();
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
                    INSERT INTO t SELECT i, 'row number ' || i FROM n;";
        database
            .execute_batch(&format!(
                "PRAGMA page_size = {SIZE}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
                 CREATE TABLE t (i, text); CREATE INDEX byText ON t (text); {fill} PRAGMA wal_checkpoint(TRUNCATE); {fill}"
            ))
            .unwrap();
        for name in ["a.db", "a.db-wal"] {
            if with_log || name == "a.db" {
                std::fs::copy(live.path().join(name), copy.path().join(name)).unwrap();
            }
        }
        copy
    }

    fn passes(copy: &Path) {
        assert_eq!(integrity(&copy.join("a.db")).unwrap(), None);
    }

    fn is_unsound(file: &Path) -> bool {
        match integrity(file) {
            Ok(wrong) => wrong.is_some(),
            Err(error) => is_damage(&error),
        }
    }

    fn damage(file: &Path, page: u64) {
        let file = File::options().write(true).open(file).unwrap();
        file.write_all_at(&[0x55; 2048], page * SIZE + 1024)
            .unwrap();
    }

    #[test]
    fn a_sound_database_passes() {
        for with_log in [true, false] {
            passes(copied(with_log).path());
        }
    }

    #[test]
    fn damage_is_found_in_the_database_and_in_what_its_log_lacks() {
        let copy = copied(true);
        let file = copy.path().join("a.db");
        let pages = file.metadata().unwrap().len() / SIZE;
        (1..pages).for_each(|page| damage(&file, page));
        assert!(is_unsound(&file));

        // The log's pages are newer than the database's: they count.
        let copy = copied(true);
        let log = copy.path().join("a.db-wal");
        let changed = pages_in(&log);
        let file = copy.path().join("a.db");
        for page in changed {
            if page > 1 && u64::from(page) <= file.metadata().unwrap().len() / SIZE {
                damage(&file, u64::from(page) - 1);
            }
        }
        passes(copy.path());
        std::fs::remove_file(&log).unwrap();
        assert!(is_unsound(&file));
    }

    /// The numbers of the pages in a log (sqlite.org/fileformat2.html#walformat).
    fn pages_in(log: &Path) -> Vec<u32> {
        let log = std::fs::read(log).unwrap();
        let frames = log[32..].chunks(24 + usize::try_from(SIZE).unwrap());
        frames
            .map(|frame| u32::from_be_bytes(frame[..4].try_into().unwrap()))
            .collect()
    }

    #[test]
    fn what_is_no_database_does_not_pass() {
        let copy = copied(false);
        std::fs::write(
            copy.path().join("text"),
            "no database, but long enough to be taken for one",
        )
        .unwrap();
        std::fs::write(copy.path().join("empty"), "").unwrap();
        for path in ["text", "empty"] {
            assert!(is_unsound(&copy.path().join(path)), "{path}");
        }
    }

    #[test]
    fn a_collation_of_the_services_own_is_no_damage() {
        let copy = tempfile::tempdir().unwrap();
        let database = Connection::open(copy.path().join("a.db")).unwrap();
        database
            .create_collation("OWN", |a: &str, b: &str| a.cmp(b))
            .unwrap();
        database
            .execute_batch(
                "CREATE TABLE t (text COLLATE OWN); CREATE INDEX byText ON t (text);
                 INSERT INTO t VALUES ('one'), ('two');",
            )
            .unwrap();
        database.close().unwrap();
        passes(copy.path());
    }
}
