//! `[backup]` of a service's file: which backups are the service's, and how they are made.

pub(crate) mod keep;

use std::path::{Path, PathBuf};

use super::key::keys;
use super::outcome::Outcome;
use super::repository::Repository;
use crate::given::{At, Given, plain};
use crate::layer::Declared;
use crate::location::Location;
use crate::validation::Validation;
use crate::value::{AbsolutePath, Calendar, CommandWord, HostName, Pattern, SharedName, Tag};

pub use keep::Keep;

/// Where it goes what is a repository's own.
const REPOSITORY: &str =
    "it belongs in a [repository.NAME] of preseed.toml; write `repository = \"NAME\"` here";

keys! {
    /// Which snapshots of a restic repository are this service's, and when new ones are made. The tier `restic` asks for
    /// them.
    table "[backup]";
    instead {
        "url" => REPOSITORY,
        "password" => REPOSITORY,
        "password-file" => REPOSITORY,
        "environment-file" => REPOSITORY,
    }
    extend exclude with exclude_extra;

    /// The repository: the name of a `[repository.NAME]` of `preseed.toml`.
    repository: SharedName = "repository", default "none", example "\"nas-primary\"";

    /// The host name that a snapshot must carry.
    host: HostName = "host", default "`host` in `[backup]` of `preseed.toml`, else this machine's host name", example "\"forge\"";

    /// The path that a snapshot must carry.
    path: AbsolutePath = "path", default "the mountpoint", example "\"/var/lib/sonarr\"";

    /// The tags that a snapshot must carry, all of them.
    tags: Vec<Tag> = "tags", default "`[]`", example "[\"sonarr\", \"media\"]";

    /// Patterns that a backup leaves out, as restic takes them. A restore brings what there is. One that begins with `/`
    /// is anchored: `/logs` is what is called so directly below the mountpoint, and nothing else. One that takes a
    /// database's `-wal` or `-journal` without the database is an error.
    exclude: Vec<Pattern> = "exclude", default "`[]`", example "[\"/logs\", \"*.tmp\"]";

    /// More patterns that a backup leaves out. They are appended to the `exclude` of the files below: a fragment's to
    /// that of the service's file, the service's to that of its template.
    exclude_extra: Vec<Pattern> = "exclude-extra", default "`[]`", example "[\"*.bak\"]";

    /// When a backup is made, as in systemd.time(7): by `backup-NAME.timer`, from a snapshot of the data where its storage
    /// has any. Without it, somebody else makes the backups.
    schedule: Calendar = "schedule", default "none", example "\"daily\"";

    /// Which backups are kept; the others are forgotten. The keys of the table are those of
    /// [`[backup.keep]`](#backupkeep).
    keep: Keep = "keep", default "all", example "{ daily = 14, monthly = 12 }";

    /// A program by its absolute path, and its arguments. It is run as root before the data is looked at, e.g. to have a
    /// database write what it still holds in memory. If it fails, no backup is made. It has `stall-timeout` to end.
    before: Vec<At<CommandWord>> = "before", default "none", example "[\"/usr/local/lib/sonarr/freeze\"]";

    /// A program of the same kind, run once the data is not read any more: after the snapshot or, of a directory, after the
    /// backup. It is run whatever failed before, also if the backup was killed: then it has 15 seconds. If it fails, so does
    /// the backup's unit.
    after: Vec<At<CommandWord>> = "after", default "none", example "[\"/usr/local/lib/sonarr/thaw\"]";
}

/// A service's backups in a restic repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The repository.
    pub repository: Repository,
    /// The host its snapshots carry; `None`: this machine's host name.
    pub host: Option<String>,
    /// The path its snapshots carry (absolute, normalized): the mountpoint unless declared.
    pub path: Declared<PathBuf>,
    /// The tags its snapshots carry, all of them.
    pub tags: Vec<String>,
    /// Patterns that a backup leaves out.
    pub exclude: Vec<String>,
    /// When a backup is made (systemd.time(7)); `None`: somebody else makes them.
    pub schedule: Option<String>,
    /// Which backups are kept; `None`: all.
    pub keep: Option<Keep>,
    /// The command before a backup: the program's absolute path, and its arguments. Empty: none.
    pub before: Vec<String>,
    /// The command after it. Empty: none.
    pub after: Vec<String>,
}

impl Backup {
    /// The patterns that a backup of `directory` (absolute) leaves out, as restic takes them: those that begin with `/`
    /// are anchored there.
    #[must_use]
    pub fn excluded(&self, directory: &Path) -> Vec<String> {
        let patterns = self.exclude.iter();
        patterns
            .map(|pattern| anchored(pattern, directory))
            .collect()
    }
}

fn anchored(pattern: &str, directory: &Path) -> String {
    let (not, from) = match pattern.strip_prefix('!') {
        Some(taken_back) => ("!", taken_back),
        None => ("", pattern),
    };
    if !from.starts_with('/') {
        return pattern.to_owned();
    }
    let mut anchor = String::new();
    for character in directory.to_string_lossy().chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            anchor.push('\\');
        }
        anchor.push(character);
    }
    format!("{not}{anchor}{from}")
}

/// A command, which is declared by its program at least.
fn command(words: &[String]) -> Outcome {
    Outcome::or_nothing((!words.is_empty()).then_some(words), Outcome::texts)
}

/// Each key's value as it holds in the end.
pub(crate) fn outcome(backup: Option<&Backup>) -> Vec<(&'static str, Outcome)> {
    let of = |value: fn(&Backup) -> Outcome| Outcome::or_nothing(backup, value);
    vec![
        (
            "repository",
            of(|backup| Outcome::text(&backup.repository.name)),
        ),
        (
            "host",
            of(|backup| Outcome::or_nothing(backup.host.as_ref(), Outcome::text)),
        ),
        ("path", of(|backup| Outcome::path(&backup.path))),
        ("tags", of(|backup| Outcome::texts(&backup.tags))),
        ("exclude", of(|backup| Outcome::texts(&backup.exclude))),
        (
            "schedule",
            of(|backup| Outcome::or_nothing(backup.schedule.as_ref(), Outcome::text)),
        ),
        (
            "keep",
            of(|backup| Outcome::or_nothing(backup.keep.as_ref(), Keep::outcome)),
        ),
        ("before", of(|backup| command(&backup.before))),
        ("after", of(|backup| command(&backup.after))),
    ]
}

impl Fragment {
    /// The service's repository. `table`: where its own file has a `[backup]`. What is wrong is noted.
    pub(crate) fn check(
        &mut self,
        validation: &mut Validation<'_>,
        table: Option<Location>,
    ) -> Given<Repository> {
        let given = std::mem::take(&mut self.repository);
        for command in [&self.before, &self.after] {
            if let Given::Value(at) = command {
                must_be_command(validation, at);
            }
        }
        repository(validation, given, table)
    }

    /// The settings, if every value is there: `Some(None)` without a repository.
    #[expect(
        clippy::option_option,
        reason = "no backup is not the same as one that could not be read"
    )]
    pub(crate) fn settle(
        self,
        repository: Given<Repository>,
        mountpoint: &Path,
        host: Option<&str>,
    ) -> Option<Option<Backup>> {
        let repository = match repository {
            Given::Unreadable => return None,
            Given::No => return Some(None),
            Given::Value(repository) => repository.value,
        };
        let default = || Some(AbsolutePath(mountpoint.to_path_buf()));
        Some(Some(Backup {
            repository,
            host: self
                .host
                .map(|HostName(host)| Some(host))
                .or(host.map(str::to_owned))?,
            path: self
                .path
                .or_else(default)?
                .map(|AbsolutePath(path)| path)
                .into(),
            tags: self.tags.plain(|Tag(tag)| tag)?,
            exclude: plain(self.exclude.and(self.exclude_extra)?, |Pattern(pattern)| {
                pattern
            }),
            schedule: self.schedule.map(|Calendar(event)| Some(event)).or(None)?,
            keep: self.keep.map(Some).or(None)?,
            before: words(self.before)?,
            after: words(self.after)?,
        }))
    }
}

fn words(command: Given<Vec<At<CommandWord>>>) -> Option<Vec<String>> {
    Some(plain(command.or(Vec::new())?, |at| at.value.0))
}

fn must_be_command(validation: &mut Validation<'_>, at: &At<Vec<At<CommandWord>>>) {
    // An empty list is none, e.g. in place of a template's.
    let Some(program) = at.value.first() else {
        return;
    };
    let path = program.value.0.parse::<AbsolutePath>();
    validation.ok_or_note(program.location, path);
}

fn repository(
    validation: &mut Validation<'_>,
    given: Given<SharedName>,
    table: Option<Location>,
) -> Given<Repository> {
    let at = match given {
        Given::Value(at) => at,
        Given::Unreadable => return Given::Unreadable,
        Given::No => {
            let Some(location) = table else {
                return Given::No;
            };
            let declared = validation.host.repositories.first();
            let example = declared.map_or("nas-1", |shared| shared.name.as_str());
            validation.note(
                location,
                "[backup] names no repository",
                format!(
                    "add e.g. repository = \"{example}\", as declared in {}",
                    validation.host.file.display()
                ),
            );
            return Given::Unreadable;
        }
    };
    let host = validation.host;
    match validation.resolve(&host.repositories, "repository", &at) {
        Some(found) => Given::Value(at.map(|_| found.clone())),
        None => Given::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_slash_is_anchored_at_the_directory() {
        for (pattern, anchored_there) in [
            ("/logs", r"/srv/a\[1]\*/logs"),
            ("!/logs/keep", r"!/srv/a\[1]\*/logs/keep"),
            ("*.tmp", "*.tmp"),
            ("!x", "!x"),
        ] {
            assert_eq!(anchored(pattern, Path::new("/srv/a[1]*")), anchored_there);
        }
    }
}
