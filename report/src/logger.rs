//! Where messages go: the journal when a unit runs us, standard error otherwise.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

/// Sends all messages where they belong. Called once; later calls change nothing.
pub fn init() {
    let journal = connected_to_journal()
        .then(JournalLog::new)
        .and_then(Result::ok)
        .map(JournalLog::install);
    if !matches!(journal, Some(Ok(()))) {
        // Someone else's logger stays: it was asked for first.
        let _ = log::set_logger(&StandardError);
    }
    log::set_max_level(LevelFilter::Info);
}

struct StandardError;

impl Log for StandardError {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(std::io::stderr().lock(), "{}", record.args());
    }

    fn flush(&self) {}
}
