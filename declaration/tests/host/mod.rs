//! A host of files of any bytes, and what holds for every host.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several tests and by the fuzzer"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use declaration::settings::Host;
use declaration::value::UnitName;
use declaration::{Search, load};
use nix::sys::stat::{Mode, umask};

/// The files of a host that is written as one text, each below a line `--- services/sonarr.toml`,
/// `--- preseed.toml`, `--- catalog/sonarr.toml`, `--- services/sonarr.toml.d/x.toml` or `--- preseed.toml.d/x.toml`. Of two of the same name, the last one is there.
pub(crate) fn files(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut files = BTreeMap::new();
    let mut rest = bytes;
    while let Some(start) = find(rest, b"--- ") {
        rest = &rest[start + 4..];
        let Some(end) = find(rest, b"\n") else { break };
        let (path, text) = (&rest[..end], &rest[end + 1..]);
        let length = find(text, b"\n--- ").map_or(text.len(), |end| end + 1);
        rest = &text[length..];
        if let Ok(path) = std::str::from_utf8(path)
            && is_file(path)
        {
            files.insert(path.to_owned(), &text[..length]);
        }
    }
    files.into_iter().collect()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|found| found == what)
}

fn is_file(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let is_name = |name: &str, suffix: &str| {
        let stem = name.strip_suffix(suffix).unwrap_or_default();
        !stem.is_empty() && !stem.starts_with('.') && stem.len() < 240 && !stem.contains('\0')
    };
    match parts[..] {
        ["services" | "catalog" | "preseed.toml.d", name] => is_name(name, ".toml"),
        ["services", fragments, name] => is_name(fragments, ".toml.d") && is_name(name, ".toml"),
        _ => path == "preseed.toml",
    }
}

/// Puts the files below `root`.
pub(crate) fn plant(root: &Path, files: &[(String, &[u8])]) {
    // What others may write is refused.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    for (name, bytes) in files {
        let path = root.join("etc/preseed").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Loads a host of these files: no panic, no hang, and every problem points into its file.
pub(crate) fn check(files: &[(String, &[u8])]) -> Host {
    let root = tempfile::tempdir().unwrap();
    plant(root.path(), files);
    let loaded = load(&Search::with_root(root.path()));
    let declared = files
        .iter()
        .filter(|(name, _)| name.starts_with("services/") && name.matches('/').count() == 1);
    assert_eq!(
        loaded.services.len() + loaded.broken.len(),
        declared.count()
    );
    for problem in &loaded.problems {
        let file = root.path().join(problem.file.strip_prefix("/").unwrap());
        let bytes = fs::read(Path::new(&file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let line = text.split('\n').nth(problem.line.checked_sub(1).unwrap());
        let length = line.map(|line| line.chars().count());
        assert!(
            length.is_some_and(|length| (1..=length + 1).contains(&problem.column)),
            "{problem} is not in {text:?}"
        );
        let shown = problem.to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(
            !problem.what.is_empty() && !problem.help.is_empty(),
            "{shown:?}"
        );
    }
    for broken in &loaded.broken {
        assert!(!broken.problems.is_empty());
        // Not what cannot be a unit, or would be one of the generator's own.
        let unit = format!("{}.service", broken.name).parse::<UnitName>();
        assert!(unit.is_err() || !broken.units.is_empty(), "{broken:?}");
        for problem in &broken.problems {
            assert!(loaded.problems.contains(problem));
        }
    }
    for service in &loaded.services {
        assert!(!service.units.is_empty(), "{service:?}");
        for expected in &service.expect {
            let is_restored = |path: &std::path::PathBuf| {
                expected.starts_with(path) || path.starts_with(expected)
            };
            assert!(service.paths.is_empty() || service.paths.iter().any(is_restored));
        }
    }
    loaded
}
