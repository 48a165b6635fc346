//! Progress of something long: a status line under systemd, a bar on a terminal, else a message now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{BinaryBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{Event, Kind, status};

/// How often the status line is written at most.
const EVERY: Duration = Duration::from_secs(1);

/// How often a message is told where there is no bar.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(120);

/// While it is not known how much there is. What is restored is cut short so that the line fits.
const SPINNER: &str = "{spinner} {wide_msg} {binary_bytes}, {binary_bytes_per_sec}";

/// Once it is known: 60 columns at most beside what is restored, which is cut short.
const BAR: &str = "{wide_msg} [{bar:10}] {percent:>3}% {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";

/// Progress of one transfer.
#[derive(Debug)]
pub struct Progress {
    what: String,
    /// The service that is restored, if one is, and from where.
    service: Option<(String, String)>,
    began: Instant,
    /// When the status line was last written.
    shown: Option<Instant>,
    /// When a message was last told.
    told: Instant,
    bytes: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Progress of `what`, e.g. `looking into tank/services/sonarr@daily`.
    pub fn new(what: impl Into<String>) -> Self {
        let what = declaration::visible(&what.into());
        status::set(&what);
        let bar = std::io::stderr().is_terminal().then(|| spinner(&what));
        // On a terminal that can do nothing.
        let bar = bar.filter(|bar| !bar.is_hidden());
        Self {
            what,
            service: None,
            began: Instant::now(),
            shown: None,
            told: Instant::now(),
            bytes: 0,
            bar,
        }
    }

    /// Progress of a restore of a service `from` somewhere, e.g. `1a2b3c4d of repository nas`: that it begins is told and,
    /// where there is no terminal, every 10 s how far it is.
    pub fn of_restore(service: &str, from: &str) -> Self {
        restoring(service, &format!("restoring from {from}"), "begun");
        let mut progress = Self::new(format!("restoring {service} from {from}"));
        progress.service = Some((service.to_owned(), from.to_owned()));
        progress
    }

    /// `done` bytes of `total` are there; `total` is `None` while it is not known.
    pub fn at(&mut self, done: u64, total: Option<u64>) {
        self.bytes = done;
        if let Some(bar) = &self.bar {
            if let Some(total) = total.filter(|total| *total > 0) {
                if bar.length().is_none() {
                    bar.set_style(style(BAR));
                }
                bar.set_length(total.max(done));
            }
            bar.set_position(done);
        }
        let is_due = |last: Option<Instant>, every| last.is_none_or(|last| last.elapsed() >= every);
        if !is_due(self.shown, EVERY) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = line(done, total, self.began.elapsed());
        status::set(&format!("{}: {line}", self.what));
        if let Some((service, from)) = &self.service
            && self.bar.is_none()
            && is_due(Some(self.told), TELL_EVERY)
        {
            self.told = Instant::now();
            let message = format!("restoring from {from}: {line}");
            restoring(service, &message, "under way");
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

fn restoring(service: &str, message: &str, outcome: &str) {
    Event::new(Kind::Restoring, service, message)
        .outcome(outcome)
        .tell();
}

fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style(SPINNER))
        .with_message(what.to_owned());
    bar.enable_steady_tick(TURN);
    bar
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    // Letters of any terminal.
    style.progress_chars("=> ").tick_chars("|/-\\ ")
}

/// How far a restore is, in percent, as its status line tells it; `None` if it does not.
#[must_use]
pub fn percent(status: &str) -> Option<u8> {
    // What is restored comes first, and may hold a `%` as well.
    let (_, line) = status.rsplit_once(": ")?;
    let (percent, _) = line.split_once("%, ")?;
    percent.parse().ok().filter(|percent| *percent <= 100)
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
    // Before that, it is anybody's guess.
    let left = total.saturating_sub(done).checked_div(rate);
    match left.filter(|_| percent > 0) {
        Some(left) => format!("{bytes}, {} left", HumanDuration(Duration::from_secs(left))),
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn templates_can_be_read() {
        for template in [SPINNER, BAR] {
            ProgressStyle::with_template(template).unwrap();
        }
    }

    #[test]
    fn the_line_tells_percent_bytes_rate_and_time_left() {
        let line = line(256 << 20, Some(1 << 30), Duration::from_secs(8));
        assert_eq!(
            line,
            "25%, 256.00 MiB of 1.00 GiB, 32.00 MiB/s, 24 seconds left"
        );
        let status = format!("restoring sonarr from a 9%, b: {line}");
        assert_eq!(percent(&status), Some(25));
        for other in [
            "",
            "restoring sonarr from a",
            "x: 1.00 MiB, 1.00 MiB/s",
            "x: 999%, ",
        ] {
            assert_eq!(percent(other), None, "{other}");
        }
    }

    #[test]
    fn an_unknown_or_wrong_total_is_no_fault() {
        assert_eq!(
            line(1 << 20, None, Duration::from_secs(1)),
            "1.00 MiB, 1.00 MiB/s"
        );
        assert_eq!(line(0, Some(10), Duration::ZERO), "0%, 0 B of 10 B, 0 B/s");
        assert_eq!(
            line(1, Some(1000), Duration::from_secs(1)),
            "0%, 1 B of 1000 B, 1 B/s"
        );
        assert_eq!(
            line(20, Some(10), Duration::from_secs(1)),
            "100%, 20 B of 10 B, 20 B/s, 0 seconds left"
        );
    }

    #[test]
    fn without_a_terminal_it_is_told_every_ten_seconds_how_far_it_is() {
        struct Recorder(std::sync::Mutex<Vec<String>>);
        impl log::Log for Recorder {
            fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                true
            }
            fn log(&self, record: &log::Record<'_>) {
                self.0.lock().unwrap().push(record.args().to_string());
            }
            fn flush(&self) {}
        }
        static RECORDER: Recorder = Recorder(std::sync::Mutex::new(Vec::new()));
        log::set_logger(&RECORDER).unwrap();
        let told = || std::mem::take(&mut *RECORDER.0.lock().unwrap());

        let mut progress = Progress::of_restore("sonarr", "x");
        progress.bar = None;
        assert_eq!(told(), ["sonarr: restoring from x"]);
        progress.at(1 << 20, Some(2 << 20));
        assert_eq!(told(), Vec::<String>::new());
        let long_ago = Instant::now().checked_sub(TELL_EVERY);
        progress.told = long_ago.unwrap();
        progress.shown = long_ago;
        progress.at(1 << 20, Some(2 << 20));
        let second = told().concat();
        assert!(
            second.starts_with("sonarr: restoring from x: 50%, 1.00 MiB of 2.00 MiB, "),
            "{second}"
        );
    }
}
