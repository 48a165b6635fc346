//! The end of what a program says, however much that is.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much is kept, in bytes.
const ENOUGH: usize = 4096;

/// The last of what is read from a pipe, by a thread of its own.
#[derive(Debug)]
pub(crate) struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Tail {
    pub(crate) fn of(from: Option<impl Read + Send + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(VecDeque::with_capacity(ENOUGH)));
        let reader = from.map(|from| {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || read(from, &kept))
        });
        Self { kept, reader }
    }

    /// What was said last. A pipe that is held open by something that cannot be killed is not waited for.
    pub(crate) fn said(self, limit: Duration) -> LastLines {
        let began = Instant::now();
        while self
            .reader
            .as_ref()
            .is_some_and(|reader| !reader.is_finished())
            && began.elapsed() < limit
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        let Ok(kept) = self.kept.lock() else {
            return LastLines::default();
        };
        let kept: Vec<u8> = kept.iter().copied().collect();
        LastLines {
            last_line: last_line_of(&kept, |_| true),
            hindrance: last_line_of(&kept, tells_of_a_hindrance),
        }
    }
}

/// What a program said last, without control characters.
#[derive(Debug, Default)]
pub(crate) struct LastLines {
    /// The last line that is not empty.
    pub(crate) last_line: String,
    /// The last line that tells of what kept it from its work; else empty.
    pub(crate) hindrance: String,
}

/// How programs say that the machine kept them from their work (strerror(3), SQLite's errors): they had no permission, no
/// room, no memory, or a disk did not answer.
const HINDRANCES: [&str; 11] = [
    "permission denied",
    "operation not permitted",
    "read-only file system",
    "readonly database",
    "no space left on device",
    "disk is full",
    "disk quota exceeded",
    "cannot allocate memory",
    "out of memory",
    "too many open files",
    "input/output error",
];

fn tells_of_a_hindrance(line: &str) -> bool {
    let line = line.to_lowercase();
    HINDRANCES.iter().any(|words| line.contains(words))
}

fn read(mut from: impl Read, kept: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0; ENOUGH];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(bytes) => {
                let Ok(mut kept) = kept.lock() else { return };
                kept.extend(&buffer[..bytes]);
                let too_many = kept.len().saturating_sub(ENOUGH);
                kept.drain(..too_many);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // What could be read until then is told; the exit status is what counts.
            Err(_) => return,
        }
    }
}

fn last_line_of(bytes: &[u8], counts: impl Fn(&str) -> bool) -> String {
    const LONG: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let last = text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && counts(line))
        .unwrap_or_default();
    let mut told: String = last
        .chars()
        .take(LONG)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if last.chars().nth(LONG).is_some() {
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_the_last_line_is_told_without_control_characters() {
        assert_eq!(
            last_line_of(b"one\n\x1b]0;two\x07 \n\n", |_| true),
            "\u{fffd}]0;two\u{fffd}"
        );
        assert_eq!(last_line_of(b"", |_| true), "");
        let tail = Tail::of(Some(std::io::Cursor::new(
            [vec![b'x'; 1 << 20], b"\nlast\n".to_vec()].concat(),
        )));
        assert_eq!(tail.said(Duration::from_secs(10)).last_line, "last");
        assert_eq!(last_line_of(&[b'x'; 1000], |_| true).chars().count(), 301);
    }

    #[test]
    fn what_kept_a_program_from_its_work_is_found_before_its_last_line() {
        let said = |text: &str| {
            let tail = Tail::of(Some(std::io::Cursor::new(text.as_bytes().to_vec())));
            tail.said(Duration::from_secs(10)).hindrance
        };
        assert_eq!(
            said("sort: write failed: /tmp/a: No space left on device\nnot sound\n"),
            "sort: write failed: /tmp/a: No space left on device"
        );
        assert_eq!(said("page 7 is damaged\nnot sound\n"), "");
    }
}
