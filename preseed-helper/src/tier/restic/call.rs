//! A call of `restic`: with the repository's address and secrets in files and the environment, never in arguments.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use declaration::settings::Repository;
use report::status;
use storage::Error;
use storage::command::{self, Ended};

use super::trouble::{self, Kind, Trouble, complaint, words};
use super::{memory, secrets};

/// How long a question may take. restic itself would try an unreachable server for 15 minutes, or, before 0.16,
/// give up at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// signal(7)
const SIGKILL: i32 = 9;

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
    pub(super) fn to(repository: &'a Repository) -> Result<Self, Error> {
        let password_file = secrets::password_file(repository)?;
        let environment = secrets::environment(repository)?;
        Ok(Self {
            repository,
            password_file,
            environment,
        })
    }

    /// Asks the repository something. While the network or the server fails, it is asked again.
    ///
    /// # Errors
    /// When it does not answer with exit status 0 in time.
    pub(super) fn ask(&self, args: &[&str]) -> Result<Ended, Trouble> {
        let asked = Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            let trouble = match self.ask_once(args, PATIENCE.saturating_sub(asked.elapsed())) {
                Err(trouble) => trouble,
                ended => return ended,
            };
            if trouble.kind != Kind::Transient || asked.elapsed() + pause >= PATIENCE {
                return Err(trouble);
            }
            status::say(&format!("{}; asking again", trouble.error.fault()));
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    fn ask_once(&self, args: &[&str], patience: Duration) -> Result<Ended, Trouble> {
        let seconds = patience.as_secs().max(1).to_string();
        // Without a lock: nothing is left behind when the time is up, and a locked repository can be asked.
        let all = [&["--kill-after=10", &seconds, "restic", "--no-lock"], args].concat();
        let ended = command::run(&mut self.with_secrets(command::command("timeout", all)))?;
        if ended.status.success() {
            return match self.unread(&ended) {
                Some(error) if self.is_transient(&ended) => Err(Trouble {
                    kind: Kind::Transient,
                    error,
                }),
                _ => Ok(ended),
            };
        }
        if ended.status.code() == Some(TIME_IS_UP) {
            let error = Error::new(
                self.subject(),
                format!(
                    "it gave no answer within {} s{}",
                    PATIENCE.as_secs(),
                    complaint(&ended.stderr)
                ),
                "see that it can be reached, then start the service again",
            );
            // restic before 0.18 looks for a missing part for longer than that. For all else no time is left.
            let kind = match trouble::kind(None, &ended.stderr, self.repository.is_remote()) {
                Kind::Damaged => Kind::Damaged,
                _ => Kind::Transient,
            };
            return Err(Trouble { kind, error });
        }
        Err(self.failed(args.first().copied().unwrap_or_default(), &ended))
    }

    /// That it has snapshots which cannot be read, in an answer to a question that is otherwise answered: restic
    /// leaves them out, and ends with 0 (`FindFilteredSnapshots` in its cmd/restic/find.go).
    pub(super) fn unread(&self, ended: &Ended) -> Option<Error> {
        let says = |words: &str| ended.stderr.contains(words);
        (says("could not load snapshot") || says("Ignoring \"")).then(|| {
            Error::new(
                self.subject(),
                format!("it has a snapshot that cannot be read: {}", words(&ended.stderr)),
                "see `restic check`: whose snapshot it is cannot be told, so it may hold the data; once it is mended or \
                 removed, start the service again",
            )
        })
    }

    fn is_transient(&self, ended: &Ended) -> bool {
        let told = words(&ended.stderr);
        trouble::kind(None, &told, self.repository.is_remote()) == Kind::Transient
    }

    /// The error that `restic ls` has listed a snapshot without telling which.
    pub(super) fn says_no_snapshot(&self) -> Error {
        Error::new(
            self.subject(),
            "`restic ls` did not tell which snapshot it has listed",
            "see that `restic version` is 0.14 or newer",
        )
    }

    /// The command that runs restic with `args`.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        self.with_secrets(command::command("restic", args))
    }

    /// The trouble that an unsuccessful end of `restic WHAT` is.
    pub(super) fn failed(&self, what: &str, ended: &Ended) -> Trouble {
        let told = words(if ended.stderr.is_empty() {
            &ended.stdout
        } else {
            &ended.stderr
        });
        let kind = trouble::kind(ended.status.code(), &told, self.repository.is_remote());
        let (fault, cure) = match kind {
            Kind::Password => (
                "the password is wrong",
                format!("correct {}", self.repository.password_file.display()),
            ),
            Kind::Locked => (
                "it is locked",
                "wait for who holds the lock, or see `restic list locks`; `restic unlock` removes stale locks only".to_owned(),
            ),
            Kind::NoRepository => (
                "there is no repository at its address",
                "see that it is mounted or reachable, and that `url` is right; a missing repository is not taken for a missing backup".to_owned(),
            ),
            Kind::Damaged => (
                "a part of the snapshot is missing or damaged",
                "see `restic check`; an older snapshot may be whole".to_owned(),
            ),
            _ if ended.status.signal() == Some(SIGKILL) => (
                "restic was killed",
                "see `journalctl -k` for whether it ran out of memory: `MemoryMax=` of this unit and of storage-preseed.slice bound it".to_owned(),
            ),
            Kind::NoLock | Kind::Transient | Kind::Other => (
                "it cannot be used",
                "see that it can be reached, then start the service again".to_owned(),
            ),
        };
        let error = Error::new(
            self.subject(),
            format!(
                "{fault}: `restic {what}` ended with {}{}{told}",
                ended.status,
                if told.is_empty() { "" } else { ": " },
            ),
            cure,
        );
        Trouble { kind, error }
    }

    /// The error that what `restic COMMAND` printed cannot be read.
    pub(super) fn unreadable(&self, command: &str, error: &serde_json::Error) -> Error {
        Error::new(
            self.subject(),
            format!("`restic {command}` printed what cannot be read: {error}"),
            "see that `restic version` is 0.14 or newer",
        )
    }

    pub(super) fn is_remote(&self) -> bool {
        self.repository.is_remote()
    }

    pub(super) fn subject(&self) -> String {
        format!("repository {}", self.repository.name)
    }

    fn with_secrets(&self, mut command: Command) -> Command {
        // What is declared wins over what the file says as well: a file that backups use names their repository.
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("RESTIC_REPOSITORY", &self.repository.url)
            .env("RESTIC_PASSWORD_FILE", &self.password_file)
            .env("RESTIC_CACHE_DIR", cache_directory())
            .env_remove("RESTIC_PASSWORD")
            .env_remove("RESTIC_PASSWORD_COMMAND")
            .env_remove("RESTIC_REPOSITORY_FILE")
            .env_remove("RESTIC_HOST")
            .envs(memory::limit().map(|bytes| ("GOMEMLIMIT", bytes.to_string())));
        command
    }
}

/// The unit's cache directory (systemd.exec(5), `CacheDirectory=`), or the same one by hand.
fn cache_directory() -> PathBuf {
    let unit = std::env::var_os("CACHE_DIRECTORY").map(PathBuf::from);
    unit.unwrap_or_else(|| PathBuf::from("/var/cache/preseed"))
        .join("restic")
}
