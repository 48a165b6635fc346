//! What ARCHITECTURE.md says of where to put something new ("Where to put") is so.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

fn restore() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../restore/src")).to_owned()
}

/// All files below a directory, and what is in them.
fn files(directory: &Path, all: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            all.push((path, text));
        }
    }
}

/// The sources: what is in `source/` but their list.
fn sources() -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(restore().join("source")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_file() && name != "list" {
            names.push(name);
        }
    }
    names
}

/// The lines that name a module, without those of its own files and of comments.
fn named(module: &str) -> Vec<String> {
    let (mut all, mut lines) = (Vec::new(), Vec::new());
    files(&restore(), &mut all);
    let words = [format!("{module}::"), format!("mod {module};")];
    for (path, text) in all {
        let own = restore().join("source").join(module);
        if path.starts_with(&own) || path == own.with_extension("rs") {
            continue;
        }
        let code = text.lines().map(str::trim);
        let code = code.filter(|line| !line.starts_with("//"));
        let naming = code.filter(|line| {
            words.iter().any(|word| {
                let at = line.find(word.as_str());
                let before = at.and_then(|at| line[..at].chars().next_back());
                at.is_some()
                    && !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_')
            })
        });
        lines.extend(naming.map(ToOwned::to_owned));
    }
    lines.sort();
    lines
}

#[test]
fn a_source_is_a_file_its_module_and_a_line_in_the_list() {
    let sources = sources();
    assert!(sources.len() >= 4, "{sources:?}");
    for source in sources {
        let mut lines = named(&source);
        // What the check of declarations and the fuzzer need of restic.
        lines.retain(|line| !line.starts_with("pub use restic::"));
        // Other rooms run restic as well.
        let mut lines: Vec<&str> = lines
            .iter()
            .map(|line| line.trim_start_matches("pub "))
            .collect();
        lines.sort_unstable();
        let expected = [format!("mod {source};"), format!("super::{source}::of,")];
        assert_eq!(lines, expected, "{source}");
    }
}

/// Keys that no other key, table or program knows: each of another table, or of another type.
const TRIVIAL_KEYS: [&str; 5] = [
    "append-only",
    "keep-replaced",
    "max-parallel-restores",
    "mount-base",
    "stall-timeout",
];

#[test]
fn a_key_is_in_the_file_of_its_table_and_on_the_page_of_keys() {
    let root = restore().join("../..");
    let mut all = Vec::new();
    for room in ["declaration", "generator", "preseedctl", "report"] {
        files(&root.join(room).join("src"), &mut all);
    }
    let page = fs::read_to_string(root.join("docs/keys.md")).unwrap();
    for key in TRIVIAL_KEYS {
        let quoted = format!("\"{key}\"");
        let naming: Vec<&Path> = all
            .iter()
            .filter(|(_, text)| {
                let mut lines = text.lines().map(str::trim);
                lines.any(|line| !line.starts_with("//") && line.contains(&quoted))
            })
            .map(|(path, _)| path.as_path())
            .collect();
        assert_eq!(naming.len(), 1, "{key} is named in {naming:?}");
        let table = naming[0];
        assert!(table.to_string_lossy().contains("/section/"), "{table:?}");
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn the_source_that_is_not_real_is_added_in_one_line() {
    let mut all = Vec::new();
    files(&restore(), &mut all);
    let own = restore().join("tests/fakes/source");
    let lines: Vec<&str> = all
        .iter()
        .filter(|(path, _)| !path.starts_with(&own) && *path != own.with_extension("rs"))
        .flat_map(|(_, text)| text.lines())
        .filter(|line| line.contains("FakeSource") && !line.starts_with("use "))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
}
