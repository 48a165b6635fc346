//! Whatever is below /etc/preseed: the generator ends with status 0 or 1, says what is wrong, writes
//! a unit for each declaration, and systemd has nothing to say about any of them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;
mod machine;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use case::generator;
use generator::unit_name::Names;
use machine::Machine;
use proptest::prelude::*;

const SOUND: &str = r#"template = "sonarr"
[dataset]
name = "tank/x"
recordsize = "16K"
compression = "zstd-3"
mountpoint = "/var/lib/sonarr"
owner = "sonarr"
group = "sonarr"
mode = "0700"
[preseed]
unit = ["podman-sonarr.service", 'a@b\x2dc.service']
tiers = ["rollback", "snapshot", "restic"]
expect = ["sonarr.db", "config.xml"]
ignore = ["cache"]
on-partial = "restore"
on-unavailable = "start-empty"
replicas = ["nas-1"]
[backup]
repository = "r"
host = "here"
path = "/var/lib/sonarr"
tags = ["a"]
exclude = ["*.tmp"]
"#;

const HOST: &str = r#"[storage]
backend = "zfs"
parent = "tank/services"
mount-base = "/srv"
[repository.r]
url = "rest:https://nas-1:8000/forge"
password-file = "/etc/preseed/secrets/nas"
environment-file = "/etc/preseed/secrets/env"
[replica.nas-1]
host = "nas-1"
parent = "backup"
"#;

/// Bytes that mean something to TOML, to systemd, to a terminal, or that are no text.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(vec![
        "\n",
        "\r",
        "\0",
        "\t",
        " ",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "\\",
        "\\n",
        "\\u0000",
        "\\uFFFE",
        "\\U0010FFFF",
        "#",
        "=",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ".",
        ",",
        "%",
        "%i",
        "%%",
        "$",
        "${HOME}",
        "$(reboot)",
        "\n[Service]\n",
        "\nExecStart=/bin/false\n",
        "../",
        "/",
        "-",
        "--",
        "@",
        ":",
        ";",
        "unit = \"x.service\"\n",
        "true",
        "1e9999",
        "99999999999999999999",
        "1979-05-27",
        "nan",
        "\u{1b}[31m",
        "\u{85}",
        "\u{feff}",
        "\u{202e}",
        "ü",
        "日",
    ]);
    prop_oneof![
        3 => special.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

/// A text with some of it replaced.
fn damaged(sound: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..40_usize, piece());
    prop::collection::vec(edit, 0..4).prop_map(move |edits| {
        let mut text = sound.as_bytes().to_vec();
        for (at, removed, inserted) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + removed.saturating_sub(20)).min(text.len());
            text.splice(start..end, inserted);
        }
        text
    })
}

#[derive(Debug, Clone)]
enum Content {
    Text(Vec<u8>),
    Link(&'static str),
    Directory,
    Pipe,
}

fn content() -> impl Strategy<Value = Content> {
    let bytes = prop::collection::vec(piece(), 0..20).prop_map(|pieces| pieces.concat());
    let link = prop::sample::select(vec![
        "/dev/null",
        "loop.toml",
        "/no/such/file",
        "..",
        "/dev/zero",
        "/dev/kmsg",
        "sonarr.toml",
    ]);
    prop_oneof![
        6 => damaged(SOUND).prop_map(Content::Text),
        2 => bytes.prop_map(Content::Text),
        1 => link.prop_map(Content::Link),
        1 => Just(Content::Directory),
        1 => Just(Content::Pipe),
    ]
}

fn file_name() -> impl Strategy<Value = Vec<u8>> {
    let sound = "[a-z][a-z0-9-]{0,5}".prop_map(String::into_bytes);
    let hostile = prop::collection::vec(piece(), 1..4).prop_map(|pieces| pieces.concat());
    prop_oneof![sound, hostile].prop_map(|mut name| {
        name.retain(|byte| !matches!(byte, b'/' | b'\0'));
        name.truncate(250);
        name
    })
}

fn plant(path: &Path, content: &Content) {
    match content {
        Content::Text(text) => fs::write(path, text).unwrap(),
        Content::Link(target) => symlink(target, path).unwrap(),
        Content::Directory => fs::create_dir(path).unwrap(),
        Content::Pipe => assert!(
            Command::new("mkfifo")
                .arg("--")
                .arg(path)
                .status()
                .unwrap()
                .success()
        ),
    }
}

/// Runs the generator on what is below the machine's root, and checks what must always hold.
fn check(machine: &Machine, stems: &[String]) -> Result<(), TestCaseError> {
    let run = generator(machine.root())
        .arg(machine.generated())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    prop_assert_eq!(run.status.signal(), None, "{}", said);
    prop_assert_eq!(
        run.status.code(),
        Some(i32::from(!said.is_empty())),
        "{}",
        said
    );
    for line in said.lines() {
        prop_assert!(
            line.starts_with("/etc/preseed/")
                || line.starts_with("/usr/lib/preseed/")
                || line.contains(": duplicate entry: "),
            "{:?}",
            line
        );
        prop_assert!(
            !line.contains(char::is_control) && line.len() < 5000,
            "{:?}",
            line
        );
    }
    for stem in stems {
        let unit = machine.generated().join(Names::of(stem).preseed);
        prop_assert!(
            unit.is_file(),
            "{:?} yields no {}: {}",
            stem,
            unit.display(),
            said
        );
    }
    // systemd-analyze takes a colon for `FILE:ALIAS`.
    let mut units = machine.complete();
    units.retain(|unit| !unit.contains(':'));
    units.insert("storage-preseed.target".to_owned());
    let verdict = machine.analyze(units, "info");
    prop_assert!(
        verdict.status.success() && verdict.stderr.is_empty(),
        "{}\n{}",
        String::from_utf8_lossy(&verdict.stderr),
        case::entries(&machine.generated()).concat()
    );
    Ok(())
}

fn machine() -> Machine {
    let machine = Machine::new();
    fs::create_dir_all(machine.root().join("etc/preseed/services")).unwrap();
    fs::create_dir_all(machine.root().join("usr/lib/preseed/catalog")).unwrap();
    fs::write(
        machine.root().join("usr/lib/preseed/catalog/sonarr.toml"),
        "",
    )
    .unwrap();
    machine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_tree(
        services in prop::collection::btree_map(file_name(), content(), 1..5),
        host in prop_oneof![3 => Just(HOST.as_bytes().to_vec()), 1 => damaged(HOST)],
    ) {
        let machine = machine();
        fs::write(machine.root().join("etc/preseed/preseed.toml"), host).unwrap();
        let mut stems = Vec::new();
        for (stem, content) in &services {
            let mut name = stem.clone();
            name.extend(b".toml");
            plant(&machine.root().join("etc/preseed/services").join(OsStr::from_bytes(&name)), content);
            // Hidden files are no declarations; a link to /dev/null masks, and so does a link to such a link.
            if !stem.is_empty() && !stem.starts_with(b".") && !matches!(content, Content::Link(_)) {
                stems.push(String::from_utf8_lossy(stem).into_owned());
            }
        }
        check(&machine, &stems)?;
    }
}

#[test]
fn huge_files() {
    let machine = machine();
    let huge = [
        ("zeros", vec![0; 10 << 20]),
        ("one-line", vec![b'a'; 10 << 20]),
        ("brackets", vec![b'['; 1 << 20]),
        (
            "nested",
            [b"a = ".as_slice(), &vec![b'['; 500_000]].concat(),
        ),
        (
            "braces",
            [b"a = ".as_slice(), &b"{a=".repeat(300_000)].concat(),
        ),
        (
            "dotted",
            [&b"a.".repeat(500_000), b"a = 1".as_slice()].concat(),
        ),
        ("tables", b"[a.b.c]\n".repeat(100_000)),
        (
            "keys",
            (0..80_000)
                .flat_map(|number| format!("k{number}=1\n").into_bytes())
                .collect(),
        ),
        (
            "units",
            format!("[preseed]\nunit = [{}]", "\"a.service\",".repeat(80_000)).into_bytes(),
        ),
        (
            "mountpoint",
            format!("[dataset]\nmountpoint = \"/{}\"", "a".repeat(1_000_000)).into_bytes(),
        ),
    ];
    for (name, text) in &huge {
        fs::write(
            machine
                .root()
                .join(format!("etc/preseed/services/{name}.toml")),
            text,
        )
        .unwrap();
    }
    let stems: Vec<String> = huge.iter().map(|(name, _)| (*name).to_owned()).collect();
    let started = std::time::Instant::now();
    check(&machine, &stems).unwrap();
    assert!(
        started.elapsed().as_secs() < 300,
        "took {:?}",
        started.elapsed()
    );
}
