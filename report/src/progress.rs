//! Progress of something long: a status line under systemd, a bar on a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::status;

/// How often the status line is written at most.
const EVERY: Duration = Duration::from_secs(1);

/// Progress of one transfer.
#[derive(Debug)]
pub struct Progress {
    what: String,
    began: Instant,
    told: Option<Instant>,
    bytes: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress of `what`, e.g. `restoring sonarr from restic 1a2b3c4d`.
    pub fn new(what: impl Into<String>) -> Self {
        let what = declaration::visible(&what.into());
        status::set(&what);
        let bar = std::io::stderr().is_terminal().then(|| bar(&what));
        Self {
            what,
            began: Instant::now(),
            told: None,
            bytes: 0,
            bar,
        }
    }

    /// `done` bytes of `total` are there; `total` is `None` while it is not known.
    pub fn at(&mut self, done: u64, total: Option<u64>) {
        self.bytes = done;
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total.max(done));
            }
            bar.set_position(done);
        }
        if self.told.is_none_or(|told| told.elapsed() >= EVERY) {
            self.told = Some(Instant::now());
            status::set(&format!(
                "{}: {}",
                self.what,
                line(done, total, self.began.elapsed())
            ));
        }
    }

    /// The bytes done so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{msg} {wide_bar} {percent}% {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style)
        .with_message(what.to_owned())
}

/// A number of bytes in words, e.g. `1.20 GiB`.
pub fn bytes(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

/// Percent, bytes, rate and time left.
fn line(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = u128::from(done) * 1000 / elapsed.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let rate_words = format!("{}/s", BinaryBytes(rate));
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{}, {rate_words}", BinaryBytes(done));
    };
    let percent = (u128::from(done) * 100 / u128::from(total)).min(100);
    let bytes = format!(
        "{percent}%, {} of {}, {rate_words}",
        BinaryBytes(done),
        BinaryBytes(total)
    );
    match total.saturating_sub(done).checked_div(rate) {
        Some(left) => format!("{bytes}, {} left", HumanDuration(Duration::from_secs(left))),
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_percent_bytes_rate_and_time_left() {
        let line = line(256 << 20, Some(1 << 30), Duration::from_secs(8));
        assert_eq!(
            line,
            "25%, 256.00 MiB of 1.00 GiB, 32.00 MiB/s, 24 seconds left"
        );
    }

    #[test]
    fn an_unknown_or_wrong_total_is_no_fault() {
        assert_eq!(
            line(1 << 20, None, Duration::from_secs(1)),
            "1.00 MiB, 1.00 MiB/s"
        );
        assert_eq!(line(0, Some(10), Duration::ZERO), "0%, 0 B of 10 B, 0 B/s");
        assert_eq!(
            line(20, Some(10), Duration::from_secs(1)),
            "100%, 20 B of 10 B, 20 B/s, 0 seconds left"
        );
    }
}
