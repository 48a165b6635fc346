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

use crate::group::end_group;
use crate::io::{Io, io_of};

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
    /// From time to time.
    Look(Seen<'a>),
}

/// What becomes of what a program says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It is kept.
    Kept,
    /// Only standard error is kept; standard output is read and counted.
    Counted,
    /// Each line is told as it comes, and not kept.
    Lines,
}

/// A program that was watched to its end.
#[derive(Debug)]
pub struct Ended<T> {
    /// How it ended. One that was given up counts as killed.
    pub status: ExitStatus,
    /// Its standard output as far as it was kept.
    pub stdout: Vec<u8>,
    /// Its standard error as far as it was kept: of much, the beginning and the end.
    pub stderr: Vec<u8>,
    /// What it had read and written when it ended, what it said counted; `None` if that cannot be told.
    pub io: Option<Io>,
    /// The bytes of all that it said.
    pub said: u64,
    /// Why it was given up before it ended by itself.
    pub given_up: Option<T>,
}

/// Why a program could not be watched to its end.
#[derive(Debug)]
pub enum Failed {
    /// It cannot be started.
    NotStarted(io::Error),
    /// Its end cannot be waited for.
    NotWatched(io::Error),
}

/// Runs a command to its end, or until it is given up. About every `look`, and of each line if they are told, `told` is
/// asked whether it is to be given up, and why.
///
/// Nobody waits for what cannot be killed, nor for what the program has left behind and what holds its output open.
///
/// # Errors
/// When it cannot be started, or its end cannot be waited for.
pub fn watch<T>(
    command: &mut Command,
    then: GivenUp,
    look: Duration,
    output: Output,
    told: &mut dyn FnMut(Told<'_>) -> Option<T>,
) -> Result<Ended<T>, Failed> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Failed::NotStarted)?;
    to_its_end(&mut child, then, look, output, told).map_err(Failed::NotWatched)
}

fn to_its_end<T>(
    child: &mut Child,
    then: GivenUp,
    look: Duration,
    output: Output,
    told: &mut dyn FnMut(Told<'_>) -> Option<T>,
) -> io::Result<Ended<T>> {
    let mut said = Said::of(child, output);
    let end = pidfd_of(child)?;
    let mut looked = Instant::now();
    loop {
        let wait = look.saturating_sub(looked.elapsed());
        if said.wait(Some(end.as_fd()), wait)? {
            let why = said.drain(told)?;
            // It was not waited for yet: what it has moved can still be told.
            let io = io_of(child.id());
            let status = child.wait()?;
            // One that has done its work was not given up, whatever it said.
            let why = why.filter(|_| !status.success());
            return Ok(said.ended(status, io, why));
        }
        let mut why = said.tell(told);
        if why.is_none() {
            if looked.elapsed() < look {
                continue;
            }
            looked = Instant::now();
            let (io, words) = (io_of(child.id()), said.words());
            why = told(Told::Look(Seen {
                moved: io.map(|io| io.moved().saturating_sub(words)),
                io,
                told: said.out.len() as u64 + said.unkept,
                stderr: &said.err,
            }));
        }
        let Some(why) = why else { continue };
        let io = io_of(child.id());
        let status = match then {
            // That it is left behind if it cannot be killed is all that can be done.
            GivenUp::IsEnded => end_group(child).unwrap_or_else(|_| killed()),
            GivenUp::IsLeft => killed(),
        };
        return Ok(said.ended(status, io, Some(why)));
    }
}

/// A program whose standard output another one reads, which is the one that is watched.
#[derive(Debug)]
pub struct Feeder {
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
    pub fn start(command: &mut Command) -> io::Result<(Self, Option<ChildStdout>)> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
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
        let feeder = Self {
            child,
            said,
            reader,
        };
        Ok((feeder, stream))
    }

    /// Gives how it ended and what it said on standard error: soon by itself, since the other one has, unless it is not `over`. Else it is ended, with all it
    /// started; what cannot be killed is left behind.
    #[must_use]
    pub fn finish(mut self, over: bool) -> (ExitStatus, Vec<u8>) {
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
        let said = self.said.lock().map(|said| said.clone());
        (status.unwrap_or_else(killed), said.unwrap_or_default())
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
    output: Output,
    out: Vec<u8>,
    err: Vec<u8>,
    /// The bytes of standard output that are not kept.
    unkept: u64,
    /// The same of standard error.
    dropped: u64,
}

impl Said {
    fn of(child: &mut Child, output: Output) -> Self {
        Self {
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            output,
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

    /// Does with what has come what is to become of it.
    fn tell<T>(&mut self, told: &mut dyn FnMut(Told<'_>) -> Option<T>) -> Option<T> {
        match self.output {
            Output::Kept => None,
            Output::Counted => {
                self.unkept += self.out.len() as u64;
                self.out.clear();
                None
            }
            Output::Lines => {
                self.take_lines(&mut |is_error, line| told(Told::Line { is_error, line }))
            }
        }
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

    /// Reads what a program that has ended has said. All of it is told; gives the first answer.
    fn drain<T>(&mut self, told: &mut dyn FnMut(Told<'_>) -> Option<T>) -> io::Result<Option<T>> {
        let mut answer = None;
        let mut last = Instant::now();
        while (self.stdout.is_some() || self.stderr.is_some()) && last.elapsed() < REST {
            let words = self.words();
            self.wait(None, REST.saturating_sub(last.elapsed()))?;
            if self.words() != words {
                last = Instant::now();
            }
            while let Some(other) = self.tell(told) {
                answer.get_or_insert(other);
            }
        }
        // Nobody waits for the rest of a line any more.
        self.stdout = None;
        self.stderr = None;
        while let Some(other) = self.tell(told) {
            answer.get_or_insert(other);
        }
        Ok(answer)
    }

    fn ended<T>(self, status: ExitStatus, io: Option<Io>, given_up: Option<T>) -> Ended<T> {
        Ended {
            status,
            io,
            said: self.words(),
            stdout: self.out,
            stderr: self.err,
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

    fn sh<T>(
        script: &str,
        then: GivenUp,
        output: Output,
        mut told: impl FnMut(Told<'_>) -> Option<T>,
    ) -> Ended<T> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        watch(
            &mut command,
            then,
            Duration::from_secs(1),
            output,
            &mut told,
        )
        .unwrap()
    }

    #[test]
    fn much_on_both_sides_is_read_to_the_end() {
        let script = "head -c 300000 /dev/zero; head -c 5000000 /dev/zero >&2; echo >&2; echo last >&2; exit 3";
        let ended = sh(script, GivenUp::IsEnded, Output::Kept, |_| None::<()>);
        assert_eq!(ended.stdout.len(), 300_000);
        assert!(ended.stderr.ends_with(b"last\n"));
        assert_eq!(ended.status.code(), Some(3));
        let ended = sh(script, GivenUp::IsEnded, Output::Counted, |_| None::<()>);
        assert_eq!((ended.stdout.len(), ended.said), (0, 5_300_006));
    }

    #[test]
    fn lines_are_told_as_they_come_and_one_can_end_it() {
        let script = "printf 'a\\nb'; sleep 1; printf 'c\\nd'; setsid sleep 20 & echo e >&2";
        let mut lines = Vec::new();
        let begun = Instant::now();
        let ended = sh(script, GivenUp::IsEnded, Output::Lines, |told| {
            if let Told::Line { is_error, line } = told {
                lines.push(format!("{is_error} {line}"));
            }
            None::<()>
        });
        lines.sort();
        assert_eq!(lines, ["false a", "false bc", "false d", "true e"]);
        assert_eq!((ended.said, ended.stdout.len()), (8, 0));
        assert!(begun.elapsed() < Duration::from_secs(10));
        let script = "echo stop; sleep 20";
        let ended = sh(script, GivenUp::IsEnded, Output::Lines, |told| {
            matches!(told, Told::Line { line: "stop", .. }).then_some("stopped")
        });
        assert_eq!(ended.given_up, Some("stopped"));
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn one_that_is_given_up_is_ended_or_left() {
        let begun = Instant::now();
        for then in [GivenUp::IsEnded, GivenUp::IsLeft] {
            let script = "echo caf\\351; exec sleep 20";
            let ended = sh(script, then, Output::Kept, |told| match told {
                Told::Look(seen) => (seen.told > 0).then_some("enough"),
                Told::Line { .. } => None,
            });
            assert_eq!(ended.given_up, Some("enough"));
        }
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn one_that_a_program_left_behind_is_not_waited_for() {
        let begun = Instant::now();
        let script = "sleep 20 & echo x";
        let ended = sh(script, GivenUp::IsEnded, Output::Kept, |_| None::<()>);
        assert_eq!(ended.stdout, b"x\n");
        let mut feeder = Command::new("sh");
        let (feeder, stream) =
            Feeder::start(feeder.args(["-c", "sleep 20 & echo y; echo z >&2"])).unwrap();
        let (status, said) = feeder.finish(true);
        // It would be ended by what it says to nobody.
        drop(stream);
        assert_eq!((status.code(), said), (Some(0), b"z\n".to_vec()));
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
}
