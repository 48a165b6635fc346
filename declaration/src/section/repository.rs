//! `[repository.NAME]` of `preseed.toml`: a restic repository.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::key::keys;
use crate::named_table::Notes;
use crate::value::{Calendar, RepositoryUrl, Rhythm, SecretFile};

/// Where a password goes.
const PASSWORD_FILE: &str = "everybody may read a declaration: write the password into a file that only root can read, \
     and name that file as `password-file`";
/// Where it goes what is a service's own.
const IN_BACKUP: &str = "it belongs in [backup] of a service's file";

keys! {
    /// A restic repository. Services name it as `repository` in `[backup]`.
    table "[repository.NAME]";
    instead {
        "password" => PASSWORD_FILE,
        "password-command" => PASSWORD_FILE,
        "tags" => IN_BACKUP,
        "host" => IN_BACKUP,
        "path" => IN_BACKUP,
    }

    /// The repository's address, as restic takes it. It holds no password: everybody may read a declaration.
    url: RepositoryUrl = "url", default "none: it must be declared", example "\"rest:https://nas-1:8000/forge\"";

    /// The file that holds the repository's password. Only root can read it.
    password_file: SecretFile = "password-file", default "none: it must be declared", example "\"/etc/preseed/secrets/nas-primary\"";

    /// A file of `NAME=value` lines with the backend's own credentials. What is declared here wins over what the file
    /// says of repository, password and host.
    environment_file: SecretFile = "environment-file", default "none", example "\"/etc/preseed/secrets/s3\"";

    /// When the repository is looked after, as in systemd.time(7): backups are forgotten as `keep` of their services says,
    /// what nothing needs any more is pruned, and a part of the data is read and checked, another one each time. Only if
    /// a service with a `schedule` names the repository.
    maintenance: Calendar = "maintenance", default "`\"weekly\"`", example "\"Sun 04:30\"";

    /// Whether this machine may only add to the repository. Then nothing is forgotten and pruned from here: who manages the
    /// repository must.
    append_only: bool = "append-only", default "`false`", example "true";

    /// How often the repository is drilled at most, where its services' `schedule` in `[drill]` is more often: what is
    /// restored from it may cost money. `daily`, `weekly`, `monthly`, `quarterly`, `semiannually` or `yearly`.
    drill: Rhythm = "drill", default "each time", example "\"monthly\"";
}

/// A restic repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name in `preseed.toml`. A valid credential name: ASCII letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// restic's own address of it, without any secret in it.
    pub url: String,
    /// The file that holds its password (absolute, without space or backslash).
    pub password_file: PathBuf,
    /// A file of `NAME=value` lines for the backend's own credentials (absolute, without
    /// space or backslash).
    pub environment_file: Option<PathBuf>,
    /// When it is looked after (systemd.time(7)).
    pub maintenance: String,
    /// Whether this machine may only add to it.
    pub append_only: bool,
    /// How long after a drill there is none; `None`: there is one each time.
    pub drill: Option<Duration>,
}

impl Repository {
    /// Whether asking it needs the network: every address that is not a path of this machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.local_directory().is_none()
    }

    /// The directory of this machine that it is in (absolute, unless its address says otherwise); `None`: it is remote.
    #[must_use]
    pub fn local_directory(&self) -> Option<&Path> {
        if self.url.starts_with('/') {
            return Some(Path::new(&self.url));
        }
        self.url.strip_prefix("local:").map(Path::new)
    }
}

impl Fragment {
    /// The repository. `None` if something is missing, which is noted.
    pub(crate) fn settle(self, table: &mut Notes) -> Option<Repository> {
        let name = table.name.clone();
        let url = table.required(
            self.url,
            "the repository's `url`",
            "url = \"rest:https://nas-1:8000/forge\"",
        );
        let password_file = table.required(
            self.password_file,
            "the repository's `password-file`",
            &format!("password-file = \"/etc/preseed/secrets/{name}\""),
        );
        Some(Repository {
            name,
            url: url?.0,
            password_file: password_file?.0,
            environment_file: self.environment_file.value().map(|SecretFile(file)| file),
            maintenance: (self.maintenance.value())
                .map_or_else(|| "weekly".to_owned(), |Calendar(event)| event),
            append_only: self.append_only.value().is_some_and(|yes| yes),
            drill: self.drill.value().map(|Rhythm(time)| time),
        })
    }
}
