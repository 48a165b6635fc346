use std::str::FromStr;

use super::invalid::Invalid;
use super::types::Compression;
use super::written::Value;
use crate::quote::{nearest, quoted};

/// Every value of OpenZFS 2.3 (zfsprops(7)), the common ones first.
const KNOWN: [&str; 57] = [
    "lz4",
    "zstd",
    "on",
    "off",
    "gzip",
    "lzjb",
    "zle",
    "zstd-fast", //
    "gzip-1",
    "gzip-2",
    "gzip-3",
    "gzip-4",
    "gzip-5",
    "gzip-6",
    "gzip-7",
    "gzip-8",
    "gzip-9", //
    "zstd-1",
    "zstd-2",
    "zstd-3",
    "zstd-4",
    "zstd-5",
    "zstd-6",
    "zstd-7",
    "zstd-8",
    "zstd-9",
    "zstd-10",
    "zstd-11",
    "zstd-12",
    "zstd-13",
    "zstd-14",
    "zstd-15",
    "zstd-16",
    "zstd-17",
    "zstd-18",
    "zstd-19", //
    "zstd-fast-1",
    "zstd-fast-2",
    "zstd-fast-3",
    "zstd-fast-4",
    "zstd-fast-5",
    "zstd-fast-6",
    "zstd-fast-7",
    "zstd-fast-8",
    "zstd-fast-9",
    "zstd-fast-10",
    "zstd-fast-20",
    "zstd-fast-30",
    "zstd-fast-40",
    "zstd-fast-50",
    "zstd-fast-60",
    "zstd-fast-70",
    "zstd-fast-80",
    "zstd-fast-90",
    "zstd-fast-100",
    "zstd-fast-500",
    "zstd-fast-1000",
];

impl FromStr for Compression {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if KNOWN.contains(&text) {
            return Ok(Self(text.to_owned()));
        }
        let help = match nearest(text, KNOWN) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "take `lz4`, `zstd`, `off`, or another that zfsprops(7) lists".to_owned(),
        };
        Err(Invalid::new(
            format!("compression {} is not known to ZFS", quoted(text)),
            help,
        ))
    }
}

impl Value for Compression {
    const EXAMPLE: &'static str = "\"lz4\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn compressions() {
        takes::<Compression>(&KNOWN);
        refuses::<Compression>(&[
            (
                "lz5",
                "compression `lz5` is not known to ZFS: did you mean `lz4`?",
            ),
            (
                "LZ4",
                "compression `LZ4` is not known to ZFS: did you mean `lz4`?",
            ),
            (
                "gzip-10",
                "compression `gzip-10` is not known to ZFS: did you mean `gzip-1`?",
            ),
            (
                "zstd-20",
                "compression `zstd-20` is not known to ZFS: did you mean `zstd-10`?",
            ),
            (
                "zstd-fast-15",
                "compression `zstd-fast-15` is not known to ZFS: did you mean `zstd-fast-1`?",
            ),
            (
                "",
                "compression `` is not known to ZFS: take `lz4`, `zstd`, `off`, or another that zfsprops(7) lists",
            ),
            (
                "brotli",
                "compression `brotli` is not known to ZFS: take `lz4`, `zstd`, `off`, or another that zfsprops(7) lists",
            ),
        ]);
    }
}
