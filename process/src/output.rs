//! What a program says, read as it comes.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::io::Io;

/// How long output is waited for of a program that has ended: one that it left behind may hold the pipe for good.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// The same where it goes on saying something.
const ALL_LAST_WORDS: Duration = Duration::from_secs(5);

/// How much is kept of what a program says on standard error, in bytes: that much of its beginning, and half of that
/// of its end.
pub(crate) const KEPT_OF_STDERR: usize = 1 << 20;

/// What becomes of what a program says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// It is kept.
    Kept,
    /// Only standard error is kept; standard output is read and counted.
    Counted,
    /// Each line is told as it comes, and not kept.
    Lines,
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
pub enum Activity<'a> {
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

/// What a program says, as far as it has come.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    mode: OutputMode,
    /// What is kept of standard output.
    pub(crate) out: Vec<u8>,
    /// The same of standard error.
    pub(crate) err: Vec<u8>,
    /// The bytes of standard output that are not kept.
    pub(crate) unkept: u64,
    /// The same of standard error.
    dropped: u64,
}

impl Output {
    pub(crate) fn of(child: &mut Child, mode: OutputMode) -> Self {
        Self {
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            mode,
            out: Vec::new(),
            err: Vec::new(),
            unkept: 0,
            dropped: 0,
        }
    }

    /// The bytes of all that was said.
    pub(crate) fn words(&self) -> u64 {
        self.out.len() as u64 + self.err.len() as u64 + self.unkept + self.dropped
    }

    /// Waits until something was said, the program has ended, or the time is up. Gives whether it has ended.
    pub(crate) fn wait(&mut self, end: Option<BorrowedFd<'_>>, time: Duration) -> io::Result<bool> {
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
        if self.err.len() > 2 * KEPT_OF_STDERR {
            let left_out = self.err.len() - KEPT_OF_STDERR / 2 - KEPT_OF_STDERR;
            self.err.drain(KEPT_OF_STDERR..KEPT_OF_STDERR + left_out);
            self.dropped += left_out as u64;
        }
        Ok(has_ended)
    }

    /// Does with what has come what is to become of it.
    pub(crate) fn tell<T>(&mut self, told: &mut dyn FnMut(Activity<'_>) -> Option<T>) -> Option<T> {
        match self.mode {
            OutputMode::Kept => None,
            OutputMode::Counted => {
                self.unkept += self.out.len() as u64;
                self.out.clear();
                None
            }
            OutputMode::Lines => {
                self.take_lines(&mut |is_error, line| told(Activity::Line { is_error, line }))
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
    pub(crate) fn drain<T>(
        &mut self,
        told: &mut dyn FnMut(Activity<'_>) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut answer = None;
        // The program's own last words are in the pipes: whoever goes on talking was left behind by it.
        let began = Instant::now();
        let mut last = began;
        while (self.stdout.is_some() || self.stderr.is_some())
            && last.elapsed() < LAST_WORDS
            && began.elapsed() < ALL_LAST_WORDS
        {
            let words = self.words();
            self.wait(None, LAST_WORDS.saturating_sub(last.elapsed()))?;
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
}

/// Where a line ends that has come; also one that is too long, or the last of a program that says no more.
fn end_of_line(text: &[u8], is_over: bool) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
    let is_enough = text.len() > KEPT_OF_STDERR || is_over && !text.is_empty();
    end.or_else(|| is_enough.then_some(text.len()))
}

/// Reads what is there. Gives whether more may come.
pub(crate) fn read(from: Option<&mut impl Read>, to: &mut Vec<u8>) -> io::Result<bool> {
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
