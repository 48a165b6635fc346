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

    /// The last line that is not empty, without control characters. A pipe that is held open by something that cannot
    /// be killed is not waited for.
    pub(crate) fn last_line(self, patience: Duration) -> String {
        let began = Instant::now();
        while self
            .reader
            .as_ref()
            .is_some_and(|reader| !reader.is_finished())
            && began.elapsed() < patience
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        let Ok(kept) = self.kept.lock() else {
            return String::new();
        };
        last_line_of(&kept.iter().copied().collect::<Vec<u8>>())
    }
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

fn last_line_of(bytes: &[u8]) -> String {
    const LONG: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let last = text
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
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
            last_line_of(b"one\n\x1b]0;two\x07 \n\n"),
            "\u{fffd}]0;two\u{fffd}"
        );
        assert_eq!(last_line_of(b""), "");
        let tail = Tail::of(Some(std::io::Cursor::new(
            [vec![b'x'; 1 << 20], b"\nlast\n".to_vec()].concat(),
        )));
        assert_eq!(tail.last_line(Duration::from_secs(10)), "last");
        assert_eq!(last_line_of(&[b'x'; 1000]).chars().count(), 301);
    }
}
