//! A call of `restic`: with the repository's address and secrets in files and the environment, never in arguments.

use std::path::PathBuf;
use std::process::Command;

use declaration::settings::Repository;
use serde::Deserialize;
use storage::command::{self, Ended};
use storage::{Error, Result};

use super::secrets;
use crate::tier::Failure;

/// How long a question may take, in seconds. restic itself would try an unreachable server for 15 minutes.
const PATIENCE: &str = "60";

/// timeout(1)'s exit status when the time was up.
const TIME_IS_UP: i32 = 124;

/// Calls of one repository.
pub(super) struct Call<'a> {
    repository: &'a Repository,
    password_file: PathBuf,
    environment: Vec<(String, String)>,
}

impl<'a> Call<'a> {
    /// # Errors
    /// When its password or environment file cannot be read.
    pub(super) fn to(repository: &'a Repository) -> Result<Self> {
        let password_file = secrets::password_file(repository)?;
        let environment = secrets::environment(repository)?;
        Ok(Self {
            repository,
            password_file,
            environment,
        })
    }

    /// Asks the repository something.
    ///
    /// # Errors
    /// When it does not answer with exit status 0 in time.
    pub(super) fn ask(&self, args: &[&str]) -> Result<Ended> {
        // Without a lock: nothing is left behind when the time is up, and a locked repository can be asked.
        let all = [&["--kill-after=10", PATIENCE, "restic", "--no-lock"], args].concat();
        let ended = command::run(&mut self.with_secrets(command::command("timeout", all)))?;
        if ended.status.success() {
            return Ok(ended);
        }
        if ended.status.code() == Some(TIME_IS_UP) {
            return Err(Error::new(
                self.subject(),
                format!(
                    "it gave no answer within {PATIENCE} s{}",
                    complaint(&ended.stderr)
                ),
                "see that it can be reached, then start the service again",
            ));
        }
        Err(self.failed(args.first().copied().unwrap_or_default(), &ended))
    }

    /// The command that runs restic with `args`.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        self.with_secrets(command::command("restic", args))
    }

    /// The error that an unsuccessful end of `restic WHAT` is. Its exit status tells more from 0.17 on;
    /// before that it is 1 for everything, and its words have to do.
    pub(super) fn failed(&self, what: &str, ended: &Ended) -> Error {
        let code = ended.status.code();
        let told = words(if ended.stderr.is_empty() {
            &ended.stdout
        } else {
            &ended.stderr
        });
        let says = |text: &str| told.contains(text);
        let (fault, cure) = if code == Some(12) || says("wrong password") || says("no key found") {
            (
                "the password is wrong",
                format!("correct {}", self.repository.password_file.display()),
            )
        } else if code == Some(11) || says("already locked") {
            ("it is locked", "wait for who holds it, or see `restic list locks`; `restic unlock` removes stale locks only".to_owned())
        } else if code == Some(10)
            || says("unable to open config file")
            || says("Is there a repository")
        {
            (
                "there is no repository at its address",
                "see that it is mounted or reachable, and that `url` is right; a missing repository is not taken for a missing backup".to_owned(),
            )
        } else {
            (
                "it cannot be used",
                "see that it can be reached, then start the service again".to_owned(),
            )
        };
        Error::new(
            self.subject(),
            format!(
                "{fault}: `restic {what}` ended with {}: {}",
                ended.status, told
            ),
            cure,
        )
    }

    pub(super) fn subject(&self) -> String {
        format!("repository {}", self.repository.name)
    }

    fn with_secrets(&self, mut command: Command) -> Command {
        command
            .env("RESTIC_REPOSITORY", &self.repository.url)
            .env("RESTIC_PASSWORD_FILE", &self.password_file)
            .env("RESTIC_CACHE_DIR", cache_directory())
            .env_remove("RESTIC_PASSWORD")
            .env_remove("RESTIC_PASSWORD_COMMAND")
            .env_remove("RESTIC_REPOSITORY_FILE")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Whose fault an error of restic is: the snapshot's where its own data cannot be read, else the repository's
/// or the machine's, which would fare no better with an older snapshot.
pub(super) fn at_fault(error: Error) -> Failure {
    let fault = error.fault();
    let damaged = [
        "<data/",
        "tree ",
        "pack ",
        "blob ",
        "ciphertext verification",
    ];
    if !error.is_lack_of_space() && damaged.iter().any(|word| fault.contains(word)) {
        Failure::Snapshot(error)
    } else {
        Failure::Source(error)
    }
}

/// What restic said, out of the JSON that some of its versions wrap it in.
fn words(told: &str) -> String {
    #[derive(Deserialize)]
    struct Wrapped {
        message: String,
    }
    let unwrapped = |line: &str| {
        serde_json::from_str::<Wrapped>(line).map_or_else(|_| line.to_owned(), |json| json.message)
    };
    let lines: Vec<String> = told.split("; ").map(unwrapped).collect();
    command::one_line(lines.join("\n").as_bytes())
}

/// Why restic kept retrying until the time was up: its last complaint.
fn complaint(stderr: &str) -> String {
    let last = stderr
        .rsplit("; ")
        .find_map(|line| line.split_once("retrying after ")?.1.split_once(": "));
    last.map_or_else(String::new, |(_, why)| format!(": {why}"))
}

/// The unit's cache directory (systemd.exec(5), `CacheDirectory=`), or the same one by hand.
fn cache_directory() -> PathBuf {
    let unit = std::env::var_os("CACHE_DIRECTORY").map(PathBuf::from);
    unit.unwrap_or_else(|| PathBuf::from("/var/cache/preseed"))
        .join("restic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_complaint_tells_why_no_answer_came() {
        let stderr = "Stat(<config/>) returned error, retrying after 1.1s: dial tcp: refused; \
                      Stat(<config/>) returned error, retrying after 2.4s: Head \"http://nas/config\": no route; \
                      signal terminated received, cleaning up";
        assert_eq!(complaint(stderr), ": Head \"http://nas/config\": no route");
        assert_eq!(complaint("signal terminated received"), "");
    }

    #[test]
    fn a_message_wrapped_in_json_is_told_plainly() {
        let told =
            r#"{"message_type":"exit_error","code":10,"message":"Fatal: no repository\nat /x"}"#;
        assert_eq!(words(told), "Fatal: no repository; at /x");
        assert_eq!(words("Fatal: plain"), "Fatal: plain");
    }
}
