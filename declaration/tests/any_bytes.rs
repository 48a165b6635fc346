//! Whatever is in the files: no panic, no hang, and every problem points into its file.
#![allow(clippy::unwrap_used)]

mod host;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

const SERVICE: &str = r#"template = "sonarr"
[dataset]
name = "tank/services/sonarr"
recordsize = "16K"
compression = "zstd"
mountpoint = "/var/lib/für"
owner = "sonarr"
group = 1000
mode = "0700"
refquota = "20G"
atime = "off"
properties = { logbias = "latency", "a:b" = "x" }
[preseed]
unit = ["podman-sonarr.service", "x.timer"]
tiers = ["rollback", "snapshot", "restic"]
expect = ["sonarr.db", "config.xml"] # für
ignore = [".x"]
skeleton = ["README"]
verify = [{ sqlite = "sonarr.db" }, { command = ["/usr/bin/true", "x"] }]
prefer = "newest"
max-candidates = 5
max-age = { rollback = "7d", restic = "1h 30min" }
paths = ["sonarr.db", "config.xml"]
stall-timeout = "10min"
keep-replaced = "forever"
on-partial = "stop"
on-unavailable = "stop"
replicas = ["nas-1"]
[backup]
repository = "nas-primary"
host = "forge"
path = "/var/lib/sonarr"
exclude = [".cache", "*.tmp"]
tags = ["sonarr"]
"#;

const HOST: &str = r#"[storage]
backend = "zfs"
parent = "tank/services"
mount-base = "/srv"
max-parallel-restores = 3
[repository.nas-primary]
url = "rest:https://nas-1:8000/forge"
password-file = "/etc/preseed/secrets/nas-primary"
environment-file = "/etc/preseed/secrets/env"
[replica.nas-1]
host = "nas-1"
parent = "backup/forge/services"
"#;

const FRAGMENT: &str = r#"template = "sonarr"
[dataset]
mode = "0750"
[preseed]
unit = "sonarr.service"
ignore-extra = [".y"]
[backup]
exclude-extra = ["*.bak"]
"#;

const TEMPLATE: &str = "[dataset]\nrecordsize = \"16K\"\n[preseed]\nunit = \"sonarr.service\"\n";

/// Pieces that mean something to the parser or to a check.
const PIECES: [&str; 40] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "\\u0000",
    "\\ud800",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "#",
    "\u{feff}",
    "ü",
    "𝄞",
    "0x",
    "1979-05-27",
    "inf",
    "true",
    "-1",
    "[dataset]",
    "[dataset.name]",
    "[[preseed]]",
    "[repository.x]",
    "unit",
    "name",
    "../",
    "%i",
    "$(reboot)",
    "/",
    "@",
];

/// One change: where (as a share of the length), how many bytes go, what comes.
type Change = (f64, usize, Vec<u8>);

fn change() -> impl Strategy<Value = Change> {
    let piece = prop_oneof![
        6 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    (0.0..1.0, 0..20_usize, piece)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, gone, piece) in changes {
        let start = (at * bytes.len() as f64) as usize;
        let end = (start + gone).min(bytes.len());
        bytes.splice(start..end, piece.iter().copied());
    }
    bytes
}

/// Checks a host of these files, with a second service that says little, and with fragments of these.
fn check(service: &[u8], host: &[u8], template: &[u8]) {
    check_all(service, host, template, FRAGMENT.as_bytes());
}

fn check_all(service: &[u8], host: &[u8], template: &[u8], fragment: &[u8]) {
    host::check(&[
        ("services/sonarr.toml.d/10-x.toml".to_owned(), fragment),
        ("services/sonarr.toml".to_owned(), service),
        ("services/other.toml".to_owned(), b"template = 'sonarr'"),
        ("preseed.toml".to_owned(), host),
        ("catalog/sonarr.toml".to_owned(), template),
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn changed_declarations(changes in prop::collection::vec(change(), 1..6)) {
        check(&changed(SERVICE, &changes), HOST.as_bytes(), TEMPLATE.as_bytes());
        check(SERVICE.as_bytes(), &changed(HOST, &changes), TEMPLATE.as_bytes());
        check(SERVICE.as_bytes(), HOST.as_bytes(), &changed(TEMPLATE, &changes));
        let fragment = changed(FRAGMENT, &changes);
        check_all(SERVICE.as_bytes(), HOST.as_bytes(), TEMPLATE.as_bytes(), &fragment);
    }

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes, &bytes, &bytes);
    }

    #[test]
    fn arbitrary_pieces(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        let text = pieces.concat();
        check(text.as_bytes(), HOST.as_bytes(), text.as_bytes());
        check(SERVICE.as_bytes(), text.as_bytes(), TEMPLATE.as_bytes());
    }
}

#[test]
fn unchanged() {
    check(SERVICE.as_bytes(), HOST.as_bytes(), TEMPLATE.as_bytes());
}

/// What the fuzzer started from, and what it has found.
#[test]
fn corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/hosts");
    let mut count = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        host::check(&host::files(&bytes));
        count += 1;
    }
    assert!(count > 0);
}
