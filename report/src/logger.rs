//! Where messages go: the journal when a unit runs us, standard error otherwise.

use log::{LevelFilter, Log, Metadata, Record};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::words;

/// Sends all messages where they belong. Called once; later calls change nothing.
pub(crate) fn init() {
    let journal = connected_to_journal()
        .then(JournalLog::new)
        .and_then(Result::ok)
        .map(|journal| journal.with_extra_fields(object()).install());
    if !matches!(journal, Some(Ok(()))) {
        // Someone else's logger stays: it was asked for first.
        let _ = log::set_logger(&StandardError);
    }
    log::set_max_level(LevelFilter::Info);
}

/// The field that says which unit a message is about: `journalctl -u` follows it. journald finds the
/// unit a message is from in `/proc`, and no longer does when we end right after the message.
fn object() -> Option<(&'static str, String)> {
    let cgroups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    unit(&cgroups).map(|unit| ("OBJECT_SYSTEMD_UNIT", unit.to_owned()))
}

/// The unit in the text of `/proc/self/cgroup` (cgroups(7)).
fn unit(cgroups: &str) -> Option<&str> {
    cgroups
        .lines()
        .filter(|line| line.starts_with("0::") || line.contains(":name=systemd:"))
        .filter_map(|line| line.rsplit('/').next())
        .find(|last| last.contains('.'))
}

struct StandardError;

impl Log for StandardError {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        words::tell(&record.args().to_string());
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn the_unit_is_the_last_part_of_the_control_group() {
        for (cgroups, expected) in [
            (
                "0::/system.slice/preseed-sonarr.service\n",
                Some("preseed-sonarr.service"),
            ),
            (
                "2:cpu:/\n1:name=systemd:/system.slice/preseed-a.service\n0::/\n",
                Some("preseed-a.service"),
            ),
            ("0::/\n", None),
        ] {
            assert_eq!(unit(cgroups), expected, "{cgroups}");
        }
    }
}
