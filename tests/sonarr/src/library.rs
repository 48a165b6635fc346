//! What the service keeps in its data directory.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use rusqlite::Connection;

/// The series the service knows, in `sonarr.db`.
pub(crate) struct Library {
    database: Connection,
}

impl Library {
    /// Opens the database and `config.xml` in `data`; makes those that are missing.
    ///
    /// # Errors
    /// A file cannot be opened or made, or the database is not one.
    pub(crate) fn open(data: &Path) -> anyhow::Result<Self> {
        ensure_config(&data.join("config.xml"))?;
        let path = data.join("sonarr.db");
        let database = Connection::open(&path)
            .and_then(|database| {
                database.execute_batch(
                    "CREATE TABLE IF NOT EXISTS Series \
                     (Id INTEGER PRIMARY KEY, Title TEXT NOT NULL UNIQUE)",
                )?;
                Ok(database)
            })
            .with_context(|| path.display().to_string())?;
        Ok(Self { database })
    }

    /// The titles in the order they were added.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn titles(&self) -> rusqlite::Result<Vec<String>> {
        self.database
            .prepare("SELECT Title FROM Series ORDER BY Id")?
            .query_map([], |row| row.get(0))?
            .collect()
    }

    /// Adds a title; one that is there already is not added again.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn add(&self, title: &str) -> rusqlite::Result<()> {
        self.database
            .execute("INSERT OR IGNORE INTO Series (Title) VALUES (?1)", [title])
            .map(drop)
    }
}

/// Makes `config.xml` with an API key of its own, unless it is there.
fn ensure_config(path: &Path) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        found => return found.map(drop).with_context(place),
    }
    let mut file = File::create_new(path).with_context(place)?;
    let config = format!(
        "<Config>\n  <Port>8989</Port>\n  <ApiKey>{}</ApiKey>\n</Config>\n",
        api_key()?
    );
    file.write_all(config.as_bytes()).with_context(place)?;
    file.sync_all().with_context(place)
}

/// 32 random hexadecimal digits.
fn api_key() -> anyhow::Result<String> {
    let mut random = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .context("/dev/urandom")?;
    let mut key = String::with_capacity(32);
    for byte in random {
        write!(key, "{byte:02x}")?;
    }
    Ok(key)
}
