//! Whether data has mostly vanished since it was last known to be good.
//!
//! An application that made itself a fresh database has all that is expected, and passes its checks.

use report::progress::bytes;
use storage::extent::Extent;

/// Less than these is no measure: what is small varies by its own.
const FEW_ENTRIES: u64 = 16;
const FEW_BYTES: u64 = 1 << 20;
const SMALL_FILE: u64 = 1 << 16;

/// How the data has mostly vanished, in words: there is less than half of it, or of one of its places.
pub(crate) fn vanished(before: &Extent, now: &Extent) -> Option<String> {
    for (path, before) in &before.expected {
        let now = now.expected.get(path).copied().unwrap_or_default();
        if is_halved(*before, now, SMALL_FILE) {
            return Some(format!(
                "{} has {}, and had {}",
                path.display(),
                bytes(now),
                bytes(*before)
            ));
        }
    }
    let of_places = before.places.iter().find_map(|(place, before)| {
        let now = now.places.get(place).copied().unwrap_or_default();
        let what = halved(*before, now)?;
        Some(format!("in {} {what}", place.display()))
    });
    of_places.or_else(|| halved((before.entries, before.bytes), (now.entries, now.bytes)))
}

/// How these entries and bytes have mostly vanished.
fn halved(before: (u64, u64), now: (u64, u64)) -> Option<String> {
    if is_halved(before.0, now.0, FEW_ENTRIES) {
        return Some(format!(
            "there are {} files and directories, and there were {}",
            now.0, before.0
        ));
    }
    is_halved(before.1, now.1, FEW_BYTES).then(|| {
        format!(
            "there are {}, and there were {}",
            bytes(now.1),
            bytes(before.1)
        )
    })
}

fn is_halved(before: u64, now: u64, least: u64) -> bool {
    before >= least && now < before / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(entries: u64, bytes: u64, file: u64) -> Extent {
        Extent {
            entries,
            bytes,
            expected: [("app.db".into(), file)].into(),
            ..Extent::default()
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

    #[test]
    fn a_small_place_that_vanishes_is_seen_beside_a_large_service() {
        let with = |entries, bytes| Extent {
            places: [("/srv/covers".into(), (entries, bytes))].into(),
            ..extent(1 << 20, 1 << 40, 10 << 20)
        };
        let before = with(100, 10 << 20);
        assert_eq!(vanished(&before, &before), None);
        assert_eq!(vanished(&with(15, 1 << 19), &with(1, 0)), None);
        let gone = Extent {
            places: [].into(),
            ..before.clone()
        };
        for (now, told) in [
            (
                with(40, 10 << 20),
                "in /srv/covers there are 40 files and directories, and there were 100",
            ),
            (
                with(100, 4096),
                "in /srv/covers there are 4.00 KiB, and there were 10.00 MiB",
            ),
            (
                gone,
                "in /srv/covers there are 0 files and directories, and there were 100",
            ),
        ] {
            assert_eq!(vanished(&before, &now).as_deref(), Some(told));
        }
        // Of a record that knows no places.
        assert_eq!(vanished(&extent(100, 1 << 20, 0), &before), None);
    }
}
