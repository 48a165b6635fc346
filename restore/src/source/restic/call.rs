//! A call of `restic`: with the repository's address and secrets in files and the environment, never in arguments.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use declaration::settings::Repository;
use nix::unistd::{User, geteuid};
use report::status;
use storage::command::{self, Ended};
use storage::stall::Stall;
use storage::watched::{GivenUp, Seen, Watched, watch, watch_silently};
use storage::{Error, ErrorKind};

use super::failure_kind::{self, Kind, RepositoryFailure, complaint, words};
use super::named::Named;
use super::{memory, secrets};

/// How long a server is asked that gives no answer. restic itself would try an unreachable one for 15 minutes, or,
/// before 0.16, give up at once.
const PATIENCE: Duration = Duration::from_mins(1);

/// The same, however short the declared `stall-timeout` is: restic takes a while to begin.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// What counts as progress of an answer, in bytes. Less is moved by a restic that only keeps asking.
const ANSWERS: u64 = 1 << 16;

/// signal(7)
const SIGKILL: i32 = 9;

/// Calls of one repository.
pub struct Call<'a> {
    repository: &'a Repository,
    password_file: PathBuf,
    environment: Vec<(String, String)>,
    /// How long an answer may make no progress.
    stall_timeout: Duration,
    /// Whether restic uses what it kept of earlier looks.
    uses_cache: AtomicBool,
}

impl<'a> Call<'a> {
    /// # Errors
    /// When its password or environment file cannot be read.
    pub fn to(repository: &'a Repository, stall_timeout: Duration) -> Result<Self, Error> {
        let password_file = secrets::password_file(repository)?;
        let environment = secrets::environment(repository)?;
        Ok(Self {
            repository,
            password_file,
            environment,
            stall_timeout,
            uses_cache: AtomicBool::new(true),
        })
    }

    /// Asks the repository something. While the network or the server fails, it is asked again; and where it cannot be
    /// read, it is asked once more without the cache, which a power cut may have damaged.
    ///
    /// # Errors
    /// When it does not answer with exit status 0, or its answer makes no progress for too long.
    pub fn ask(&self, args: &[&str]) -> Result<Ended, RepositoryFailure> {
        let answer = self.ask_patiently(args);
        let may_be_the_cache = match &answer {
            Ok(ended) => self.unread(ended).is_some(),
            Err(failure) => matches!(failure.kind, Kind::Damaged | Kind::Other),
        };
        if !may_be_the_cache || !self.uses_cache() {
            return answer;
        }
        self.use_cache(false);
        let fresh = self.ask_patiently(args);
        if !fresh
            .as_ref()
            .is_ok_and(|ended| self.unread(ended).is_none())
        {
            // It is not the cache, or not only.
            self.use_cache(true);
        }
        fresh
    }

    fn ask_patiently(&self, args: &[&str]) -> Result<Ended, RepositoryFailure> {
        let asked = Instant::now();
        let mut pause = Duration::from_secs(1);
        loop {
            let left = self.give_up_after().saturating_sub(asked.elapsed());
            let failure = match self.ask_once(args, left) {
                Err(failure) => failure,
                ended => return ended,
            };
            if failure.kind != Kind::Transient || asked.elapsed() + pause >= self.give_up_after() {
                return Err(failure);
            }
            status::say(&format!("{}; asking again", failure.error.fault()));
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    /// Waits until the repository answers at all, as long as a question may take. The next one tells if it does not.
    pub fn wait_for_it(&self) {
        let _ = self.ask_patiently(&["cat", "config"]);
    }

    fn ask_once(&self, args: &[&str], give_up_after: Duration) -> Result<Ended, RepositoryFailure> {
        // Without a lock: nothing is left behind when it is ended, and a locked repository can be asked.
        let mut command = self.command(&[&["--no-lock"], args].concat());
        let mut watch_it = self.bound(give_up_after);
        let watched = watch(&mut command, GivenUp::IsEnded, |seen| watch_it(seen))?;
        if let Some(failure) = self.given_up(&watched) {
            return Err(failure);
        }
        let ended = watched.ended;
        if ended.status.success() {
            return match self.unread(&ended) {
                Some(error) if self.is_transient(&ended) => {
                    let error = error.of_kind(ErrorKind::Unreachable);
                    Err(RepositoryFailure::new(Kind::Transient, error))
                }
                _ => Ok(ended),
            };
        }
        Err(self.failed(args.first().copied().unwrap_or_default(), &ended))
    }

    /// Has restic read something, without the cache, whatever it holds. Gives what it said of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, args: &[&str]) -> Result<String, RepositoryFailure> {
        let mut command = self.command(&[&["--no-lock"], args].concat());
        let mut watch_it = self.bound(self.give_up_after());
        let watched = watch_silently(&mut command, GivenUp::IsEnded, |seen| watch_it(seen))?;
        if let Some(failure) = self.given_up(&watched) {
            return Err(failure);
        }
        let ended = watched.ended;
        if ended.status.success() {
            return Ok(words(&ended.stderr));
        }
        Err(self.failed(args.first().copied().unwrap_or_default(), &ended))
    }

    /// How long a server is asked that gives no answer.
    fn give_up_after(&self) -> Duration {
        self.stall_timeout.clamp(LEAST_PATIENCE, PATIENCE)
    }

    /// Tells when an answer is given up, and after how long without progress: one that comes is waited for, however long
    /// it takes.
    fn bound(&self, give_up_after: Duration) -> impl FnMut(&Seen<'_>) -> Option<Duration> {
        let mut stall = Stall::of_less(self.stall_timeout.max(LEAST_PATIENCE), ANSWERS);
        move |seen| {
            let moved = seen.moved.unwrap_or_default().saturating_add(seen.told);
            let is_over = stall.at(moved)
                || stall.still() >= give_up_after && failure_kind::is_asking_again(seen.stderr);
            is_over.then(|| stall.still())
        }
    }

    /// The failure that a question is which was given up.
    fn given_up(&self, watched: &Watched<Duration>) -> Option<RepositoryFailure> {
        let still = watched.given_up?;
        let stderr = &watched.ended.stderr;
        let complaint = complaint(stderr);
        let error = Error::new(
            self.subject(),
            format!(
                "it gave no answer within {} s{}",
                still.as_secs(),
                complaint
            ),
            "see that it can be reached, then start the service again",
        )
        .that_heals();
        // restic before 0.18 looks for a missing part for longer than that. For all else no time is left.
        let kind = match failure_kind::kind(None, stderr, self.repository.is_remote()) {
            Kind::Damaged => Kind::Damaged,
            _ => Kind::Transient,
        };
        Some(RepositoryFailure {
            kind,
            error: error.of_kind(match kind {
                Kind::Damaged => ErrorKind::Damaged,
                _ => ErrorKind::Timeout,
            }),
            named: Named::of(&complaint).into(),
        })
    }

    /// Whether restic uses what it kept of earlier looks.
    pub fn uses_cache(&self) -> bool {
        self.uses_cache.load(Ordering::Relaxed)
    }

    /// Has restic use what it kept of earlier looks from now on, or not.
    pub fn use_cache(&self, uses_cache: bool) {
        self.uses_cache.store(uses_cache, Ordering::Relaxed);
    }

    /// That it has snapshots which cannot be read, in an answer to a question that is otherwise answered: restic
    /// leaves them out, and ends with 0 (`FindFilteredSnapshots` in its cmd/restic/find.go).
    pub fn unread(&self, ended: &Ended) -> Option<Error> {
        let says = |words: &str| ended.stderr.contains(words);
        (says("could not load snapshot") || says("Ignoring \"")).then(|| {
            Error::new(
                self.subject(),
                format!("it has a snapshot that cannot be read: {}", words(&ended.stderr)),
                "nobody can tell whose it is, so it may hold the data: see `restic check`, mend or remove it, then start \
                 the service again",
            )
            .of_kind(ErrorKind::Damaged)
        })
    }

    fn is_transient(&self, ended: &Ended) -> bool {
        let told = words(&ended.stderr);
        failure_kind::kind(None, &told, self.repository.is_remote()) == Kind::Transient
    }

    /// The error that `restic ls` has ended well and listed no snapshot.
    pub fn says_no_snapshot(&self, ended: &Ended) -> Error {
        let told = words(&ended.stderr);
        if failure_kind::says_no_snapshot(&told) {
            return Error::new(
                self.subject(),
                format!("it does not have the snapshot any more: {told}"),
                "see who removes snapshots, then start the service again: it is decided anew",
            )
            .of_kind(ErrorKind::Gone);
        }
        Error::new(
            self.subject(),
            "`restic ls` did not tell which snapshot it has listed",
            "see that `restic version` is 0.14 or newer",
        )
    }

    /// The command that runs restic with `args`.
    pub fn command(&self, args: &[&str]) -> Command {
        let fresh: &[&str] = if self.uses_cache() {
            &[]
        } else {
            &["--no-cache"]
        };
        self.with_secrets(command::command("restic", [fresh, args].concat()))
    }

    /// The failure that an unsuccessful end of `restic WHAT` is.
    pub fn failed(&self, what: &str, ended: &Ended) -> RepositoryFailure {
        let said = if ended.stderr.is_empty() {
            &ended.stdout
        } else {
            &ended.stderr
        };
        let told = words(said);
        let kind = failure_kind::kind(
            ended.status.code(),
            &failure_kind::plain(said),
            self.repository.is_remote(),
        );
        let (fault, help) = match kind {
            Kind::Password => (
                "the password is wrong",
                format!("correct {}", self.repository.password_file.display()),
            ),
            Kind::Locked => (
                "it is locked",
                "wait until its holder ends, or see `restic list locks`; `restic unlock` removes stale locks only".to_owned(),
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
            Kind::NoLock | Kind::Transient | Kind::NoSnapshot | Kind::NoSparse | Kind::Other => (
                "it cannot be used",
                "see that it can be reached, then start the service again".to_owned(),
            ),
        };
        let end = format!("`restic {what}` ended with {}", ended.status);
        // The cause comes before the command that met it.
        let fault = if told.is_empty() {
            format!("{fault}: {end} and said nothing")
        } else {
            format!("{fault}: {told} ({end})")
        };
        let was_killed = kind == Kind::Other && ended.status.signal() == Some(SIGKILL);
        let of_error = if was_killed {
            ErrorKind::Killed
        } else {
            kind.of_error(&told)
        };
        let error = Error::new(self.subject(), fault, help).of_kind(of_error);
        let error = match kind {
            Kind::Transient | Kind::NoRepository | Kind::Locked => error.that_heals(),
            _ => error,
        };
        let named = Named::of(&told).into();
        RepositoryFailure { kind, error, named }
    }

    /// The error that what `restic COMMAND` printed cannot be read.
    pub fn unreadable(&self, command: &str, error: &serde_json::Error) -> Error {
        Error::new(
            self.subject(),
            format!("`restic {command}` printed what cannot be read: {error}"),
            "see that `restic version` is 0.14 or newer",
        )
    }

    /// Whether asking it needs the network.
    pub fn is_remote(&self) -> bool {
        self.repository.is_remote()
    }

    /// What errors are about.
    pub fn subject(&self) -> String {
        format!("repository {}", self.repository.name)
    }

    fn with_secrets(&self, mut command: Command) -> Command {
        // What is declared wins over what the file says as well: a file that backups use names their repository.
        // Where ssh, rclone and the clouds' own configurations are: the same by hand as in a unit, which has none of these.
        command
            .env("HOME", home())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
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

/// The home directory of the user who runs us, whatever the environment says.
fn home() -> PathBuf {
    let user = User::from_uid(geteuid()).ok().flatten();
    user.map_or_else(|| PathBuf::from("/root"), |user| user.dir)
}

/// Where restic keeps what it has read, for the reader of a message.
pub fn cache_in_words() -> String {
    cache_directory().display().to_string()
}

/// The unit's cache directory (systemd.exec(5), `CacheDirectory=`), or the same one by hand.
fn cache_directory() -> PathBuf {
    let unit = std::env::var_os("CACHE_DIRECTORY").map(PathBuf::from);
    unit.unwrap_or_else(|| PathBuf::from("/var/cache/preseed"))
        .join("restic")
}
