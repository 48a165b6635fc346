//! A program that feeds another one.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::group::{end_group, killed};
use crate::output::{KEPT_OF_STDERR, LAST_WORDS, read};

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
                    if said.len() < KEPT_OF_STDERR {
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

    /// Gives how it ended and what it said on standard error. If the transfer is `over`, it has 10 s to end by itself.
    /// Otherwise, and after that, it is ended with all it started; what cannot be killed is left behind.
    #[must_use]
    pub fn finish(mut self, over: bool) -> (ExitStatus, Vec<u8>) {
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
            && last.elapsed() < LAST_WORDS
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        let said = self.said.lock().map(|said| said.clone());
        (status.unwrap_or_else(killed), said.unwrap_or_default())
    }
}
