//! An SQLite database, by SQLite's own integrity check (sqlite.org/pragma.html#pragma_integrity_check).

use std::fs::{File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use storage::{Error, Result};

/// Checks the database at `path` (relative) in `directory` (absolute, writable) with what its write-ahead log holds.
///
/// Neither the database nor its log is changed: the log is read with an index in memory and not checkpointed.
/// Only a transaction that was interrupted half-written (a hot rollback journal) is rolled back, as the service's
/// own first look would do. Gives what is wrong, in words.
///
/// # Errors
/// When it cannot be checked here: that says nothing of the data.
pub(super) fn check(directory: &Path, path: &Path) -> Result<std::result::Result<(), String>> {
    let unsound = |what: String| format!("{} is not a sound database: {what}", path.display());
    let unchecked = |what: String| {
        Error::new(
            path.to_string_lossy(),
            format!("restored data could not be verified: {what}"),
            "let the service's own program check it: `verify = [{ command = [\"…\"] }]`",
        )
    };
    if let Err(error) = regular_file(directory, path) {
        return Ok(Err(unsound(error.to_string())));
    }
    // Without links above it: SQLite is told not to follow any.
    let file = directory
        .canonicalize()
        .map_err(|error| unchecked(error.to_string()))?
        .join(path);
    let before = Traces::of(&file);
    let checked = integrity(&file);
    before.remove_new(&file).map_err(|error| {
        unchecked(format!(
            "what its check left behind cannot be removed: {error}"
        ))
    })?;
    Ok(match checked {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(unsound(what)),
        Err(error) if is_damage(&error) => Err(unsound(error.to_string())),
        Err(error) => return Err(unchecked(error.to_string())),
    })
}

/// That it is a file of the copy: no link may lead out of it.
fn regular_file(directory: &Path, path: &Path) -> io::Result<()> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    let file = File::from(openat2(File::open(directory)?, path, how)?);
    if file.metadata()?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is not a regular file"))
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
    ["collation", "function", "module", "tokenizer"]
        .iter()
        .any(|what| said.contains(&format!("no such {what}")))
}

/// What was beside a database before it was looked at.
struct Traces {
    missing: Vec<PathBuf>,
    times: Option<FileTimes>,
}

impl Traces {
    fn of(file: &Path) -> Self {
        let beside = ["-wal", "-shm"].map(|suffix| {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        });
        let parent = file.parent().and_then(|parent| parent.metadata().ok());
        let times = parent.and_then(|parent| {
            Some(
                FileTimes::new()
                    .set_accessed(parent.accessed().ok()?)
                    .set_modified(parent.modified().ok()?),
            )
        });
        let missing = beside
            .into_iter()
            .filter(|path| path.symlink_metadata().is_err())
            .collect();
        Self { missing, times }
    }

    /// Removes what the look left beside the database.
    fn remove_new(self, file: &Path) -> io::Result<()> {
        for path in &self.missing {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        match (file.parent(), self.times) {
            (Some(parent), Some(times)) => File::open(parent)?.set_times(times),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{FileExt, symlink};

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

    fn bytes(copy: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(copy)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn passes(copy: &Path) {
        check(copy, Path::new("a.db")).unwrap().unwrap();
    }

    fn damage(file: &Path, page: u64) {
        let file = File::options().write(true).open(file).unwrap();
        file.write_all_at(&[0x55; 2048], page * SIZE + 1024)
            .unwrap();
    }

    #[test]
    fn a_sound_database_passes_and_is_left_as_it_was() {
        for with_log in [true, false] {
            let copy = copied(with_log);
            let before = (
                bytes(copy.path()),
                copy.path().metadata().unwrap().modified().unwrap(),
            );
            passes(copy.path());
            let after = (
                bytes(copy.path()),
                copy.path().metadata().unwrap().modified().unwrap(),
            );
            assert!(before == after, "with a log: {with_log}");
        }
    }

    #[test]
    fn damage_is_found_in_the_database_and_in_what_its_log_lacks() {
        let copy = copied(true);
        let file = copy.path().join("a.db");
        let pages = file.metadata().unwrap().len() / SIZE;
        (1..pages).for_each(|page| damage(&file, page));
        let told = check(copy.path(), Path::new("a.db")).unwrap().unwrap_err();
        assert!(told.starts_with("a.db is not a sound database: "), "{told}");

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
        check(copy.path(), Path::new("a.db")).unwrap().unwrap_err();
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
        symlink("a.db", copy.path().join("link")).unwrap();
        symlink("/", copy.path().join("out")).unwrap();
        for path in ["text", "empty", "link", "missing", "out/etc/passwd", "."] {
            let told = check(copy.path(), Path::new(path)).unwrap().unwrap_err();
            assert!(told.contains("is not a sound database"), "{told}");
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
