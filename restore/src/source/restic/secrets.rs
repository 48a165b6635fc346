//! A repository's secrets: from the credentials that systemd passes or, by hand, from the declared files.

use std::path::{Path, PathBuf};

use declaration::settings::Repository;
use storage::{Error, Result};

/// The names under which the unit passes them (`LoadCredential=`).
const PASSWORD: &str = "repository-password";
const ENVIRONMENT: &str = "repository-environment";

/// The file that restic reads the password from (absolute).
///
/// # Errors
/// When there is none, it is empty, or others may write it.
pub(super) fn password_file(repository: &Repository) -> Result<PathBuf> {
    let file = place(PASSWORD, &repository.password_file);
    if read(
        &file,
        &repository.password_file,
        "password-file",
        repository,
    )?
    .trim()
    .is_empty()
    {
        return Err(missing(
            &repository.password_file,
            "password-file",
            repository,
            "it is missing or empty",
        ));
    }
    written_by_root(&repository.password_file, "password-file", repository)?;
    Ok(file)
}

/// The variables of the environment file; none if none is declared.
///
/// # Errors
/// When it cannot be read, others may write it, or it holds a line that is not `NAME=value`.
pub(super) fn environment(repository: &Repository) -> Result<Vec<(String, String)>> {
    let Some(declared) = &repository.environment_file else {
        return Ok(Vec::new());
    };
    let text = read(
        &place(ENVIRONMENT, declared),
        declared,
        "environment-file",
        repository,
    )?;
    if text.trim().is_empty() {
        return Err(missing(
            declared,
            "environment-file",
            repository,
            "it is missing or empty",
        ));
    }
    written_by_root(declared, "environment-file", repository)?;
    let mut variables = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=') {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                variables.push((name.to_owned(), unquoted(value).to_owned()));
            }
            // The line is not shown: it may be a secret.
            _ => {
                let at = format!("{}:{}:1", declared.display(), number + 1);
                return Err(Error::new(
                    at,
                    "this line is not NAME=value",
                    "write one variable a line",
                ));
            }
        }
    }
    Ok(variables)
}

/// That the files which hold a repository's secrets can be used, each as a restore would: what is wrong with them.
pub fn faults(repository: &Repository) -> Vec<Error> {
    let password = password_file(repository).err();
    password
        .into_iter()
        .chain(environment(repository).err())
        .collect()
}

/// Where a secret is: among the unit's credentials (systemd.exec(5)), else where it is declared.
fn place(credential: &str, declared: &Path) -> PathBuf {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(directory) => Path::new(&directory).join(credential),
        None => declared.to_path_buf(),
    }
}

/// Who may write it chooses what is taken for a backup, or, by the environment, what restic runs.
fn written_by_root(declared: &Path, key: &str, repository: &Repository) -> Result<()> {
    declaration::trust::check(declared).map_err(|invalid| {
        Error::new(
            declared.to_string_lossy(),
            format!("{} ({key} of repository {})", invalid.what, repository.name),
            format!("{}, then start the service again", invalid.help),
        )
    })
}

fn read(file: &Path, declared: &Path, key: &str, repository: &Repository) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        missing(
            declared,
            key,
            repository,
            &format!("it cannot be read: {error}"),
        )
    })
}

fn missing(file: &Path, key: &str, repository: &Repository, what: &str) -> Error {
    Error::new(
        file.to_string_lossy(),
        format!("{what} ({key} of repository {})", repository.name),
        "write it, for root alone to read, then start the service again",
    )
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
        {
            return inner;
        }
    }
    value
}
