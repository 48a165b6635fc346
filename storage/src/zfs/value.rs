//! Values of properties: `zfs get -p` tells some otherwise than they were set (zfsprops(7)).

use std::borrow::Cow;

/// Whether a value that is declared is the one that `zfs get -p` tells.
pub(super) fn is_same(property: &str, declared: &str, told: &str) -> bool {
    let (declared, told) = (canonical(property, declared), canonical(property, told));
    declared == told
        // Which of the two `on` stands for differs between versions.
        || property == "xattr"
            && [&declared, &told].iter().all(|value| **value != "off")
            && [&declared, &told].iter().any(|value| **value == "on")
}

/// The one way to write a value that can be written in several.
fn canonical<'a>(property: &str, value: &'a str) -> Cow<'a, str> {
    let word = match (property, value) {
        ("compression", "gzip-6") => "gzip",
        ("compression", "zstd-3") => "zstd",
        ("compression", "zstd-fast-1") => "zstd-fast",
        ("acltype", "noacl") => "off",
        ("acltype", "posixacl") => "posix",
        (
            "quota"
            | "refquota"
            | "reservation"
            | "refreservation"
            | "recordsize"
            | "special_small_blocks",
            size,
        ) => return bytes(size).map_or(size.into(), |bytes| bytes.to_string().into()),
        ("filesystem_limit" | "snapshot_limit", "18446744073709551615") => "none",
        _ => value,
    };
    word.into()
}

/// A size in bytes, as ZFS reads it (`zfs_nicestrtonum()`): `20G`, `1.5TB`, `none`.
pub(super) fn bytes(size: &str) -> Option<u64> {
    if size == "none" {
        return Some(0);
    }
    let number = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = size[number.len()..].to_ascii_uppercase();
    let unit = unit
        .strip_suffix("IB")
        .or_else(|| unit.strip_suffix('B'))
        .unwrap_or(&unit);
    let shift = match unit {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        "P" => 50,
        "E" => 60,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift);
    }
    let fraction: f64 = number.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "so does ZFS")]
    let bytes = fraction * (1_u64 << shift) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "so does ZFS"
    )]
    (0.0..1.8e19).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_zfs_tells_otherwise_than_it_was_set_is_the_same() {
        for (property, declared, told) in [
            ("refquota", "20G", "21474836480"),
            ("quota", "none", "0"),
            ("reservation", "1.5M", "1572864"),
            ("recordsize", "16K", "16384"),
            ("special_small_blocks", "32KiB", "32768"),
            ("snapshot_limit", "none", "18446744073709551615"),
            ("compression", "zstd-3", "zstd"),
            ("acltype", "posixacl", "posix"),
            ("xattr", "sa", "on"),
            ("xattr", "on", "dir"),
            ("sharenfs", "ro=@10.0.0.0/8", "ro=@10.0.0.0/8"),
            ("a:quota", "20G", "20G"),
        ] {
            assert!(is_same(property, declared, told), "{property}={declared}");
        }
        for (property, declared, told) in [
            ("refquota", "20G", "0"),
            ("xattr", "sa", "dir"),
            ("xattr", "on", "off"),
            ("a:quota", "1K", "1024"),
            ("atime", "off", "on"),
        ] {
            assert!(!is_same(property, declared, told), "{property}={declared}");
        }
    }
}
