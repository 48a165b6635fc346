//! Any bytes for each reader of what restic, or a server through it, says. The fuzzer's target and the tests give them.

use super::failure_kind;
use super::listing::Line;
use super::locks::{Lock, Machine};
use super::named::Named;
use super::snapshot_entry::SnapshotEntry;

/// Gives `bytes` to each reader: none panics.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        if let Ok(Line::Snapshot(told)) = serde_json::from_str(line) {
            let _ = told.snapshot().label();
        }
        if let Ok(lock) = serde_json::from_str::<Lock>(line) {
            let _ = lock.is_stale(&Machine::this(), |_| true);
        }
        let _ = failure_kind::unwrapped(line);
    }
    if let Ok(told) = serde_json::from_str::<Vec<SnapshotEntry>>(&text) {
        for told in told {
            let _ = told.snapshot();
        }
    }
    for is_remote in [false, true] {
        let _ = failure_kind::kind(None, &text, is_remote);
    }
    let _ = (failure_kind::words(&text), failure_kind::complaint(&text));
    let _ = (failure_kind::is_asking_again(bytes), Named::of(&text));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check;

    proptest! {
        #[test]
        fn any_words_are_read(bytes in any::<Vec<u8>>()) {
            check(&bytes);
        }

        /// Pieces of what restic says, in any order.
        #[test]
        fn nearly_right_words_are_read(pieces in proptest::collection::vec(proptest::sample::select(vec![
            "[", "]", ",", "{", "}", "\n", "; ", r#"{"struct_type":"snapshot","time":"2026-11-23T08:00:00Z","paths":["/a"],"#,
            r#""hostname":"h","id":"1c04"}"#, r#"{"struct_type":"node","path":"/a","type":"dir"}"#,
            r#"{"message_type":"error","error":{"message":"x"},"item":"/a"}"#, r#"{"time":"9999-12-31T23:59:59Z","pid":4294967295}"#,
            r#"{"time":"-9999-01-01T00:00:00Z"}"#, "retrying after 1s: ", "<data/1c04d9e400>", "r/data/1c/", "from 388765bd failed",
            "1c04d9e400c160fc0fecb33d1cdc117d91b2c66fb4341c6856dbf7d3ba72e102", "not found in repository", "\u{1b}", "é/",
        ]), 0..10)) {
            check(pieces.concat().as_bytes());
        }
    }
}
