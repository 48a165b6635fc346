//! `verify`: how data that was restored is checked.

use std::path::PathBuf;

use super::super::key::{Readable, keys};
use super::super::outcome::Outcome;
use crate::document::Document;
use crate::given::{At, Given};
use crate::location::Location;
use crate::table::Table;
use crate::value::{AbsolutePath, CommandWord, RelativePath};

keys! {
    /// How restored data is checked before the service gets it: a list of tables, each one check. They run in this
    /// order, on a copy that is thrown away. Data that does not pass is passed over for an older snapshot.
    table "[[preseed.verify]]";

    /// A SQLite database below the mountpoint. It must be sound. The check runs as a user of its
    /// own, which has no other files.
    sqlite: RelativePath = "sqlite", default "none", example "\"sonarr.db\"";

    /// A program by its absolute path, and its arguments. It must succeed. It is given the directory as its last
    /// argument, runs as the dataset's owner and group (as `nobody` where that is root) without the unit's
    /// environment, and has `stall-timeout` to end. It sees the copy at the service's own path, and can write to
    /// nothing else but a small `/tmp`.
    command: Vec<At<CommandWord>> = "command", default "none", example "[\"/usr/lib/sonarr/check\", \"--quick\"]";

    /// `"root"` beside `command` runs it as root.
    user: CommandWord = "user", default "the dataset's owner", example "\"root\"";
}

/// How data that was restored is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The SQLite database at this path, relative to the mountpoint, is sound.
    Sqlite(PathBuf),
    /// This command succeeds.
    Command(CheckCommand),
}

/// A command that checks restored data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCommand {
    /// Its words, at least one. The first is the program's absolute path.
    pub words: Vec<String>,
    /// Whether it runs as root (`user = "root"`), else as the dataset's owner and group.
    pub as_root: bool,
}

impl Check {
    /// As it is shown.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Sqlite(path) => Outcome::Table(vec![("sqlite".to_owned(), Outcome::path(path))]),
            Self::Command(command) => {
                let mut table = vec![("command".to_owned(), Outcome::texts(&command.words))];
                if command.as_root {
                    table.push(("user".to_owned(), Outcome::text("root")));
                }
                Outcome::Table(table)
            }
        }
    }
}

impl Readable for Vec<Check> {
    fn type_name() -> String {
        "list of tables".to_owned()
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        read(document, table, key)
    }
}

fn read(document: &mut Document<'_>, preseed: &Table<'_>, key: &str) -> Given<Vec<Check>> {
    let example = "{ sqlite = \"sonarr.db\" }";
    let At {
        value: tables,
        location,
        layer,
    } = match preseed.table_list(document, key, example, &KEYS) {
        Given::Value(at) => at,
        Given::No => return Given::No,
        Given::Unreadable => return Given::Unreadable,
    };
    let wanted = tables.len();
    let mut checks = Vec::with_capacity(wanted);
    for At {
        value, location, ..
    } in tables.into_iter().flatten()
    {
        checks.extend(read_one(document, &value, location));
        value.note_unknown(document, &[]);
    }
    if checks.len() < wanted {
        return Given::Unreadable;
    }
    Given::Value(At {
        value: checks,
        location,
        layer,
    })
}

/// One check; `None` if it cannot be used, which is noted.
fn read_one(document: &mut Document<'_>, table: &Table<'_>, location: Location) -> Option<Check> {
    let Fragment {
        sqlite,
        command,
        user,
    } = Fragment::read(document, table);
    let as_root = match user {
        Given::No => false,
        Given::Value(At { value, .. }) if value.0 == "root" && !matches!(command, Given::No) => {
            true
        }
        Given::Value(At { location, .. }) => {
            document.note_at(
                location,
                "`user` can only be \"root\", for a `command`",
                "leave it out: a command runs as the dataset's owner, and SQLite as nobody",
            );
            return None;
        }
        Given::Unreadable => return None,
    };
    match (sqlite, command) {
        (Given::Value(At { value, .. }), Given::No) => {
            let RelativePath(path) = value;
            Some(Check::Sqlite(path))
        }
        (Given::No, Given::Value(at)) => read_command(document, at, as_root),
        (Given::No, Given::No) => {
            document.note_at(
                location,
                "a check names neither `sqlite` nor `command`",
                "name one of them, e.g. { sqlite = \"sonarr.db\" }",
            );
            None
        }
        (Given::Value(_), Given::Value(at)) => {
            document.note_at(
                at.location,
                "a check names both `sqlite` and `command`",
                "write two: [{ sqlite = … }, { command = … }]",
            );
            None
        }
        // What could not be read is noted.
        (Given::Unreadable, _) | (_, Given::Unreadable) => None,
    }
}

fn read_command(
    document: &mut Document<'_>,
    at: At<Vec<At<CommandWord>>>,
    as_root: bool,
) -> Option<Check> {
    let Some(program) = at.value.first() else {
        document.note_at(
            at.location,
            "`command` is an empty list",
            "name a program by its absolute path, then its arguments",
        );
        return None;
    };
    if let Err(invalid) = program.value.0.parse::<AbsolutePath>() {
        document.note_at(program.location, invalid.what, invalid.help);
        return None;
    }
    let words = at.value.into_iter().map(|at| at.value.0);
    Some(Check::Command(CheckCommand {
        words: words.collect(),
        as_root,
    }))
}
