//! Runs a program and watches it: what it says is read all the while, and it is given up once somebody says so.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::command::{Ended, line_of, not_started, one_line};
use crate::stall::{self, Io, end_group};
use crate::{Error, Result, step};

/// How often is looked at how a program gets on.
const LOOK: Duration = Duration::from_secs(1);

/// How long output is waited for of a program that has ended: one that it left behind may hold the pipe for good.
const REST: Duration = Duration::from_secs(1);

/// How much is kept of what a program says on standard error, in bytes: that much of its beginning, and half of that
/// of its end.
const ENOUGH_SAID: usize = 1 << 20;

/// What becomes of a program that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// It is ended with all it started: it changes nothing that must not be left half done.
    IsEnded,
    /// It is left to itself, and nobody waits for it: it may be in the middle of a change.
    IsLeft,
}

/// What is seen of a program while it runs.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The bytes it has read and written until now, what it said not counted; `None` if that cannot be told.
    pub moved: Option<u64>,
    /// The same, what it said counted, and apart.
    pub io: Option<Io>,
    /// The bytes of standard output that have come.
    pub told: u64,
    /// What it said on standard error.
    pub stderr: &'a [u8],
}

/// A program that was watched to its end.
#[derive(Debug)]
pub struct Watched<T> {
    /// How it ended and what it said. Bytes of its output that are not UTF-8 are replaced.
    pub ended: Ended,
    /// Its standard output as it was.
    pub stdout: Vec<u8>,
    /// What it had read and written when it ended, what it said counted; `None` if that cannot be told.
    pub io: Option<Io>,
    /// The bytes of all that it said.
    pub said: u64,
    /// Why it was given up before it ended by itself. Its status is then that of a program that was killed.
    pub given_up: Option<T>,
}

/// Runs a command to its end. About every second `give_up` is asked whether it is to be given up, and why.
///
/// # Errors
/// When it cannot be started, or its end cannot be waited for.
pub fn watch<T>(
    command: &mut Command,
    then: GivenUp,
    give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    watch_often(command, then, LOOK, give_up)
}

/// The same, asking `give_up` this often.
///
/// # Errors
/// As [`watch`].
pub fn watch_often<T>(
    command: &mut Command,
    then: GivenUp,
    look: Duration,
    mut give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    run(command, then, look, &mut |event| match event {
        Event::Look(seen) => give_up(&seen),
        Event::Said(_) => None,
    })
}

/// What a program does while it is watched.
#[derive(Debug)]
pub enum Told<'a> {
    /// It said a line, without its end, on standard error or on standard output.
    Line {
        /// Whether on standard error.
        is_error: bool,
        /// The line. What of it is not UTF-8 is replaced.
        line: &'a str,
    },
    /// About every second.
    Look(Seen<'a>),
}

/// The same for a program whose lines are read as they come, and not kept: of each is asked whether it is to be given up.
///
/// # Errors
/// As [`watch`].
pub fn watch_lines<T>(
    command: &mut Command,
    then: GivenUp,
    mut give_up: impl FnMut(Told<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    run(command, then, LOOK, &mut |event| match event {
        Event::Look(seen) => give_up(Told::Look(seen)),
        Event::Said(said) => {
            said.take_lines(&mut |is_error, line| give_up(Told::Line { is_error, line }))
        }
    })
}

/// The same for a program whose standard output is only read, and not kept.
///
/// # Errors
/// As [`watch`].
pub fn watch_silently<T>(
    command: &mut Command,
    then: GivenUp,
    mut give_up: impl FnMut(&Seen<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    run(command, then, LOOK, &mut |event| match event {
        Event::Look(seen) => give_up(&seen),
        Event::Said(said) => {
            said.drop_output();
            None
        }
    })
}

/// What happens while a program is watched.
enum Event<'a> {
    Look(Seen<'a>),
    Said(&'a mut Said),
}

fn run<T>(
    command: &mut Command,
    then: GivenUp,
    look: Duration,
    give_up: &mut dyn FnMut(Event<'_>) -> Option<T>,
) -> Result<Watched<T>> {
    let line = line_of(command);
    step::at(|| line.clone());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    let mut said = Said::of(&mut child);
    let refused = |error: io::Error| {
        Error::new(
            format!("`{line}`"),
            format!("it cannot be watched: {error}"),
            "start the service again",
        )
    };
    let end = pidfd_of(&child).map_err(refused)?;
    let mut looked = Instant::now();
    loop {
        let wait = look.saturating_sub(looked.elapsed());
        let has_ended = said.wait(Some(end.as_fd()), wait).map_err(refused)?;
        if has_ended {
            said.drain(&mut |said| give_up(Event::Said(said)))
                .map_err(refused)?;
            // It was not waited for yet: what it has moved can still be told.
            let io = stall::io_of(child.id());
            let status = child.wait().map_err(refused)?;
            return Ok(said.watched(line, status, io, None));
        }
        let mut why = give_up(Event::Said(&mut said));
        if why.is_none() {
            if looked.elapsed() < look {
                continue;
            }
            looked = Instant::now();
            let (io, words) = (stall::io_of(child.id()), said.words());
            why = give_up(Event::Look(Seen {
                moved: io.map(|io| io.moved().saturating_sub(words)),
                io,
                told: said.out.len() as u64 + said.unkept,
                stderr: &said.err,
            }));
        }
        let Some(why) = why else { continue };
        let io = stall::io_of(child.id());
        let status = match then {
            // That it is left behind if it cannot be killed is all that can be done.
            GivenUp::IsEnded => end_group(&mut child).unwrap_or_else(|_| killed()),
            GivenUp::IsLeft => killed(),
        };
        return Ok(said.watched(line, status, io, Some(why)));
    }
}

/// A program whose standard output another one reads, which is the one that is watched.
#[derive(Debug)]
pub struct Feeder {
    line: String,
    child: Child,
    /// What it says on standard error, read by a thread that nobody waits for.
    said: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Feeder {
    /// Starts it, and gives what the other one is to read.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<(Self, Option<ChildStdout>)> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| not_started(command, &error))?;
        let stream = child.stdout.take();
        let said = Arc::new(Mutex::new(Vec::new()));
        let reader = child.stderr.take().map(|mut stderr| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut some = Vec::new();
                while let Ok(true) = read(Some(&mut stderr), &mut some) {
                    let Ok(mut said) = said.lock() else { return };
                    if said.len() < ENOUGH_SAID {
                        said.append(&mut some);
                    }
                    some.clear();
                }
            })
        });
        let line = line_of(command);
        let feeder = Self {
            line,
            child,
            said,
            reader,
        };
        Ok((feeder, stream))
    }

    /// Gives how it ended: soon by itself, since the other one has, unless it is not `over`. Else it is ended, with all it
    /// started; what cannot be killed is left behind.
    #[must_use]
    pub fn finish(mut self, over: bool) -> Ended {
        /// A transfer is over when all was received.
        const SOON: Duration = Duration::from_secs(10);
        let began = Instant::now();
        let mut status = None;
        while over && status.is_none() && began.elapsed() < SOON {
            status = self.child.try_wait().ok().flatten();
            if status.is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let status = status.or_else(|| end_group(&mut self.child).ok());
        let last = Instant::now();
        while self
            .reader
            .as_ref()
            .is_some_and(|reader| !reader.is_finished())
            && last.elapsed() < REST
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        let said = self.said.lock().map(|said| one_line(&said));
        Ended {
            line: self.line,
            status: status.unwrap_or_else(killed),
            stdout: String::new(),
            stderr: said.unwrap_or_default(),
        }
    }
}

/// Of a program that nobody waits for any more.
fn killed() -> ExitStatus {
    std::os::unix::process::ExitStatusExt::from_raw(9)
}

fn pidfd_of(child: &Child) -> io::Result<OwnedFd> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// What a program says, as far as it has come.
struct Said {
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    out: Vec<u8>,
    err: Vec<u8>,
    /// The bytes of standard output that are not kept.
    unkept: u64,
    /// The same of standard error.
    dropped: u64,
}

impl Said {
    fn of(child: &mut Child) -> Self {
        Self {
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            out: Vec::new(),
            err: Vec::new(),
            unkept: 0,
            dropped: 0,
        }
    }

    /// The bytes of all that was said.
    fn words(&self) -> u64 {
        self.out.len() as u64 + self.err.len() as u64 + self.unkept + self.dropped
    }

    /// Waits until something was said, the program has ended, or the time is up. Gives whether it has ended.
    fn wait(&mut self, end: Option<BorrowedFd<'_>>, time: Duration) -> io::Result<bool> {
        let (out, err) = (self.stdout.as_ref(), self.stderr.as_ref());
        let watched = [out.map(AsFd::as_fd), err.map(AsFd::as_fd), end];
        let mut fds: Vec<PollFd<'_>> = watched
            .iter()
            .flatten()
            .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
            .collect();
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&time)) {
            Err(rustix::io::Errno::INTR) => return Ok(false),
            polled => polled?,
        };
        let mut polled = fds.iter();
        let [out, err, has_ended] = watched.map(|fd| {
            fd.and_then(|_| polled.next())
                .is_some_and(|fd| !fd.revents().is_empty())
        });
        drop(fds);
        if out && !read(self.stdout.as_mut(), &mut self.out)? {
            self.stdout = None;
        }
        if err && !read(self.stderr.as_mut(), &mut self.err)? {
            self.stderr = None;
        }
        if self.err.len() > 2 * ENOUGH_SAID {
            let left_out = self.err.len() - ENOUGH_SAID / 2 - ENOUGH_SAID;
            self.err.drain(ENOUGH_SAID..ENOUGH_SAID + left_out);
            self.dropped += left_out as u64;
        }
        Ok(has_ended)
    }

    /// Keeps nothing of standard output.
    fn drop_output(&mut self) {
        self.unkept += self.out.len() as u64;
        self.out.clear();
    }

    /// Takes the lines that have come, until one of them is answered with something.
    fn take_lines<T>(&mut self, take: &mut dyn FnMut(bool, &str) -> Option<T>) -> Option<T> {
        for is_error in [false, true] {
            let (text, count, is_over) = if is_error {
                (&mut self.err, &mut self.dropped, self.stderr.is_none())
            } else {
                (&mut self.out, &mut self.unkept, self.stdout.is_none())
            };
            while let Some(end) = end_of_line(text, is_over) {
                let line: Vec<u8> = text.drain(..end).collect();
                *count += line.len() as u64;
                let line = String::from_utf8_lossy(&line);
                if let Some(answer) = take(is_error, line.trim_end()) {
                    return Some(answer);
                }
            }
        }
        None
    }

    /// Reads what a program that has ended has said, and shows it to `said`.
    fn drain<T>(&mut self, said: &mut dyn FnMut(&mut Self) -> Option<T>) -> io::Result<()> {
        let mut last = Instant::now();
        while (self.stdout.is_some() || self.stderr.is_some()) && last.elapsed() < REST {
            let words = self.words();
            self.wait(None, REST.saturating_sub(last.elapsed()))?;
            if self.words() != words {
                last = Instant::now();
            }
            said(self);
        }
        // Nobody waits for the rest of a line any more.
        self.stdout = None;
        self.stderr = None;
        said(self);
        Ok(())
    }

    fn watched<T>(
        self,
        line: String,
        status: ExitStatus,
        io: Option<Io>,
        given_up: Option<T>,
    ) -> Watched<T> {
        Watched {
            io,
            said: self.words(),
            ended: Ended {
                line,
                status,
                stdout: String::from_utf8_lossy(&self.out).into_owned(),
                stderr: one_line(&self.err),
            },
            stdout: self.out,
            given_up,
        }
    }
}

/// Where a line ends that has come; also one that is too long, or the last of a program that says no more.
fn end_of_line(text: &[u8], is_over: bool) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
    let is_enough = text.len() > ENOUGH_SAID || is_over && !text.is_empty();
    end.or_else(|| is_enough.then_some(text.len()))
}

/// Reads what is there. Gives whether more may come.
fn read(from: Option<&mut impl Read>, to: &mut Vec<u8>) -> io::Result<bool> {
    let Some(from) = from else { return Ok(false) };
    let mut buffer = [0; 1 << 14];
    match from.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(bytes) => {
            to.extend_from_slice(&buffer[..bytes]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn much_on_both_sides_is_read_to_the_end() {
        let script = "head -c 300000 /dev/zero; head -c 5000000 /dev/zero >&2; echo >&2; echo last >&2; exit 3";
        let watched = watch(&mut sh(script), GivenUp::IsEnded, |_| None::<()>).unwrap();
        assert_eq!(watched.stdout.len(), 300_000);
        assert!(watched.ended.stderr.ends_with("last"));
        assert_eq!(watched.ended.status.code(), Some(3));
    }

    #[test]
    fn lines_are_told_as_they_come_and_one_can_end_it() {
        let script = "printf 'a\\nb'; sleep 1; printf 'c\\nd'; setsid sleep 20 & echo e >&2";
        let mut lines = Vec::new();
        let begun = Instant::now();
        let watched = watch_lines(&mut sh(script), GivenUp::IsEnded, |told| {
            if let Told::Line { is_error, line } = told {
                lines.push(format!("{is_error} {line}"));
            }
            None::<()>
        });
        let watched = watched.unwrap();
        lines.sort();
        assert_eq!(lines, ["false a", "false bc", "false d", "true e"]);
        assert_eq!((watched.said, watched.stdout.len()), (8, 0));
        assert!(begun.elapsed() < Duration::from_secs(10));
        let watched = watch_lines(&mut sh("echo stop; sleep 20"), GivenUp::IsEnded, |told| {
            matches!(told, Told::Line { line: "stop", .. }).then_some("stopped")
        });
        assert_eq!(watched.unwrap().given_up, Some("stopped"));
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn one_that_is_given_up_is_ended_or_left() {
        let begun = Instant::now();
        for then in [GivenUp::IsEnded, GivenUp::IsLeft] {
            let watched = watch(&mut sh("echo caf\\\\351; exec sleep 20"), then, |seen| {
                (seen.told > 0).then_some("enough")
            });
            assert_eq!(watched.unwrap().given_up, Some("enough"));
        }
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn one_that_a_program_left_behind_is_not_waited_for() {
        let begun = Instant::now();
        let watched = watch(
            &mut sh("sleep 20 & echo x"),
            GivenUp::IsEnded,
            |_| None::<()>,
        );
        assert_eq!(watched.unwrap().stdout, b"x\n");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
