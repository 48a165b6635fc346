//! `verify`: how data that was restored is checked.

use crate::document::{At, Document, Given};
use crate::place::Place;
use crate::settings::{Check, CheckCommand};
use crate::table::{Keys, Table};
use crate::value::{AbsolutePath, CommandWord, RelativePath};

static CHECK: Keys = Keys {
    header: "[[preseed.verify]]",
    names: &["sqlite", "command", "user"],
    instead: &[],
};

pub(super) fn read(document: &mut Document<'_>, preseed: &Table<'_>) -> Given<Vec<Check>> {
    let example = "{ sqlite = \"sonarr.db\" }";
    let At {
        value: tables,
        place,
    } = match preseed.table_list(document, "verify", example, &CHECK) {
        Given::Value(at) => at,
        Given::No => return Given::No,
        Given::Unreadable => return Given::Unreadable,
    };
    let wanted = tables.len();
    let mut checks = Vec::with_capacity(wanted);
    for At { value, place } in tables.into_iter().flatten() {
        checks.extend(read_one(document, &value, place));
        value.note_unknown(document, &[]);
    }
    if checks.len() < wanted {
        return Given::Unreadable;
    }
    Given::Value(At {
        value: checks,
        place,
    })
}

/// One check; `None` if it cannot be used, which is noted.
fn read_one(document: &mut Document<'_>, table: &Table<'_>, place: Place) -> Option<Check> {
    let sqlite: Given<RelativePath> = table.text(document, "sqlite");
    let command: Given<Vec<At<CommandWord>>> = table.list_at(document, "command");
    let user: Given<CommandWord> = table.text(document, "user");
    let as_root = match user {
        Given::No => false,
        Given::Value(At { value, .. }) if value.0 == "root" && !matches!(command, Given::No) => {
            true
        }
        Given::Value(At { place, .. }) => {
            document.note_at(
                place,
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
                place,
                "a check names neither `sqlite` nor `command`",
                "name one of them, e.g. { sqlite = \"sonarr.db\" }",
            );
            None
        }
        (Given::Value(_), Given::Value(at)) => {
            document.note_at(
                at.place,
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
            at.place,
            "`command` is an empty list",
            "name a program by its absolute path, then its arguments",
        );
        return None;
    };
    if let Err(invalid) = program.value.0.parse::<AbsolutePath>() {
        document.note_at(program.place, invalid.what, invalid.help);
        return None;
    }
    let words = at.value.into_iter().map(|at| at.value.0);
    Some(Check::Command(CheckCommand {
        words: words.collect(),
        as_root,
    }))
}
