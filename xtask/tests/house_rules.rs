//! What keeps the product small enough to read in a day.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that users run. The tests' own tools are not among them.
const PRODUCT: [&str; 12] = [
    "declaration",
    "generator",
    "process",
    "storage",
    "restore",
    "protection",
    "report",
    "systemd",
    "dataset-helper",
    "preseed-helper",
    "protect-helper",
    "preseedctl",
];

/// How many lines a file may have at most.
const LONGEST: usize = 450;

/// From how many lines on a passage that stands twice should stand once.
const PASSAGE: usize = 10;

/// The product's files: path from the workspace's root, and text.
fn files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut left: Vec<PathBuf> = PRODUCT
        .iter()
        .map(|room| root.join(room).join("src"))
        .collect();
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path.strip_prefix(root).unwrap().to_owned(), text));
        }
    }
    files.sort();
    files
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long: Vec<String> = files()
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "over {LONGEST} lines: {long:#?}");
}

#[test]
fn what_a_storage_can_do_is_asked_and_not_told_by_its_kind() {
    let asks = |path: &Path| !path.starts_with("declaration") && !path.starts_with("storage");
    let mut by_kind = Vec::new();
    for (path, text) in files().iter().filter(|(path, _)| asks(path)) {
        let lines = code(text).into_iter();
        let matches = lines.filter(|(_, line)| {
            line.contains("Storage::Zfs") || line.contains("Storage::Directory")
        });
        by_kind.extend(matches.map(|(number, _)| format!("{}:{number}", path.display())));
    }
    assert!(
        by_kind.is_empty(),
        "give `settings::Storage` a method that says what it can do: {by_kind:#?}"
    );
}

/// The lines of code that say something, with their numbers: no tests, imports, comments or brackets.
fn code(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut in_use = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line == "#[cfg(test)]" {
            break;
        }
        in_use |= line.starts_with("use ") || line.starts_with("pub use ");
        let says = line.chars().any(char::is_alphanumeric) && !line.starts_with("//");
        if says && !in_use {
            lines.push((number + 1, line));
        }
        in_use &= !line.ends_with(';');
    }
    lines
}

#[test]
fn a_fault_of_preseed_itself_is_reported_where_cargo_toml_says() {
    let files = files();
    let others = files
        .iter()
        .filter(|(path, _)| path != Path::new("declaration/src/report.rs"));
    let own_words: Vec<String> = others
        .flat_map(|(path, text)| {
            let lines = code(text).into_iter();
            let asking = lines.filter(|(_, line)| line.contains("report this"));
            asking.map(|(number, line)| format!("{}:{number}: {line}", path.display()))
        })
        .collect();
    assert!(
        own_words.is_empty(),
        "take `declaration::REPORT`, or `storage::Error::internal`: {own_words:#?}"
    );
}

#[test]
fn no_passage_stands_twice() {
    let files = files();
    let mut seen: BTreeMap<Vec<&str>, String> = BTreeMap::new();
    let mut twice = Vec::new();
    for (path, text) in &files {
        let code = code(text);
        let mut skip_to = 0;
        for (at, window) in code.windows(PASSAGE).enumerate() {
            let place = format!("{}:{}", path.display(), window[0].0);
            let passage: Vec<&str> = window.iter().map(|(_, line)| *line).collect();
            if let Some(first) = seen.get(&passage) {
                if at >= skip_to {
                    twice.push(format!("{first} and {place}: {}", passage[0]));
                    skip_to = at + PASSAGE;
                }
            } else {
                seen.insert(passage, place);
            }
        }
    }
    assert!(
        twice.is_empty(),
        "{PASSAGE} lines and more stand twice: {twice:#?}"
    );
}

#[test]
fn no_crate_is_there_twice_in_a_binary() {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--duplicates",
            "--edges=normal,build",
            "--prefix=none",
            "--quiet",
        ])
        .args(["--package=generator", "--package=dataset-helper"])
        .args(["--package=preseed-helper", "--package=preseedctl"])
        .arg("--package=protect-helper")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let twice = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        twice.trim(),
        "",
        "crates in two versions: align them, see deny.toml"
    );
}
