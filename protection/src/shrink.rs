//! Whether data has mostly vanished since it was last known to be good.
//!
//! An application that made itself a fresh database has all that is expected, and passes its checks.

use report::progress::bytes;
use storage::extent::Extent;

/// Less than these is no measure: what is small varies by its own.
const FEW_ENTRIES: u64 = 16;
const FEW_BYTES: u64 = 1 << 20;
const SMALL_FILE: u64 = 1 << 16;

/// How the data has mostly vanished, in words: there is less than half of it.
pub(crate) fn vanished(before: &Extent, now: &Extent) -> Option<String> {
    let halved = |before: u64, now: u64, least: u64| before >= least && now < before / 2;
    for (path, before) in &before.expected {
        let now = now.expected.get(path).copied().unwrap_or_default();
        if halved(*before, now, SMALL_FILE) {
            return Some(format!(
                "{} has {}, and had {}",
                path.display(),
                bytes(now),
                bytes(*before)
            ));
        }
    }
    if halved(before.entries, now.entries, FEW_ENTRIES) {
        return Some(format!(
            "there are {} files and directories, and there were {}",
            now.entries, before.entries
        ));
    }
    halved(before.bytes, now.bytes, FEW_BYTES).then(|| {
        format!(
            "there are {}, and there were {}",
            bytes(now.bytes),
            bytes(before.bytes)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(entries: u64, bytes: u64, file: u64) -> Extent {
        Extent {
            entries,
            bytes,
            expected: [("app.db".into(), file)].into(),
        }
    }

    #[test]
    fn less_than_half_is_mostly_vanished() {
        let before = extent(1000, 100 << 20, 10 << 20);
        assert_eq!(vanished(&before, &before), None);
        assert_eq!(vanished(&before, &extent(500, 50 << 20, 5 << 20)), None);
        for (now, told) in [
            (
                extent(499, 100 << 20, 10 << 20),
                "there are 499 files and directories, and there were 1000",
            ),
            (
                extent(1000, 49 << 20, 10 << 20),
                "there are 49.00 MiB, and there were 100.00 MiB",
            ),
            (
                extent(1000, 100 << 20, 4096),
                "app.db has 4.00 KiB, and had 10.00 MiB",
            ),
        ] {
            assert_eq!(vanished(&before, &now).as_deref(), Some(told));
        }
        let small = extent(15, 1 << 19, 1 << 15);
        assert_eq!(vanished(&small, &Extent::default()), None);
    }
}
