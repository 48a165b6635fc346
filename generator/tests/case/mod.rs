//! Golden cases: one readable manifest each, `tests/units/NAME.case`.
//!
//! ```text
//! What the case shows, in a line or two.
//! --- etc/preseed/services/sonarr.toml
//! (the file's text)
//! --- link: etc/preseed/services/radarr.toml -> /dev/null
//! --- directory: etc/preseed/services/x.toml
//! --- shipped: usr/lib/preseed/catalog/sonarr.toml <- units/catalog/sonarr.toml
//! --- bytes: "etc/preseed/services/so\nnarr.toml"
//! (the file's text, where \xff is a byte, \r a carriage return, \\ a backslash)
//! === run.expected
//! (all that --dry-run prints)
//! === errors
//! (all diagnostics, one per line)
//! ```
//! A path in double quotes has the same escapes as a file's bytes.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several tests"
)]

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::sys::stat::{Mode, umask};

/// One manifest.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Everything before `=== run.expected`, as it stands.
    pub(crate) input: String,
    pub(crate) expected: String,
    pub(crate) errors: String,
}

impl Case {
    /// All cases, by name.
    pub(crate) fn all() -> Vec<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/units");
        let mut paths: Vec<PathBuf> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new("case")))
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "no cases in tests/units");
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let (input, outcome) = text.split_once("=== run.expected\n").unwrap_or((&text, ""));
        let (expected, errors) = outcome.split_once("=== errors\n").unwrap_or((outcome, ""));
        Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            input: input.to_owned(),
            expected: expected.to_owned(),
            errors: errors.to_owned(),
            path,
        }
    }

    /// Writes the manifest with what the generator did put as what is expected.
    pub(crate) fn bless(&self, printed: &str, errors: &str) {
        let text = format!(
            "{}=== run.expected\n{printed}=== errors\n{errors}",
            self.input
        );
        fs::write(&self.path, text).unwrap();
    }

    /// Makes the case's input tree below `root`.
    pub(crate) fn plant(&self, root: &Path) {
        let mut blocks = format!("\n{}", self.input)
            .split("\n--- ")
            .map(str::to_owned)
            .collect::<Vec<_>>();
        assert!(
            blocks.len() > 1 || self.name == "nothing-declared",
            "{}: declares nothing",
            self.name
        );
        // What comes before the first header says what the case shows.
        blocks.remove(0);
        for block in blocks {
            let (header, text) = block.split_once('\n').unwrap_or((&block, ""));
            let text = if text.is_empty() || text.ends_with('\n') {
                text.to_owned()
            } else {
                format!("{text}\n")
            };
            plant(root, header, text.as_bytes());
        }
    }
}

fn plant(root: &Path, header: &str, text: &[u8]) {
    let at = |path: &str| {
        let path = match path
            .strip_prefix('"')
            .and_then(|path| path.strip_suffix('"'))
        {
            Some(quoted) => unescape(quoted.as_bytes()),
            None => path.as_bytes().to_vec(),
        };
        let path = root.join(OsStr::from_bytes(&path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    if let Some(link) = header.strip_prefix("link: ") {
        let (path, target) = link.split_once(" -> ").unwrap();
        symlink(target, at(path)).unwrap();
    } else if let Some(path) = header.strip_prefix("directory: ") {
        fs::create_dir_all(at(path)).unwrap();
    } else if let Some(shipped) = header.strip_prefix("shipped: ") {
        let (path, source) = shipped.split_once(" <- ").unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        // Not with its mode: that is of who checked it out.
        fs::write(at(path), fs::read(workspace.join(source)).unwrap()).unwrap();
    } else if let Some(path) = header.strip_prefix("bytes: ") {
        fs::write(at(path), unescape(text)).unwrap();
    } else {
        fs::write(at(header), text).unwrap();
    }
}

/// Resolves `\n`, `\r`, `\xff` and `\\`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, tail) = rest.split_first().unwrap();
        rest = tail;
        bytes.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b'x' => {
                let (digits, tail) = rest.split_at(2);
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            other => *other,
        });
    }
    bytes
}

/// A directory to declare in, whatever the umask of who runs this: what others may write is refused.
pub(crate) fn scratch() -> tempfile::TempDir {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    tempfile::tempdir().unwrap()
}

/// The generator, looking for declarations below `root`, with its messages on standard error.
pub(crate) fn generator(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preseed-generator"));
    command
        .env_clear()
        .env("PRESEED_ROOT", root)
        .env("SYSTEMD_LOG_TARGET", "console");
    command
}

/// All files and links below `directory`, printed as a dry run does, each an element.
pub(crate) fn entries(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(directory, directory, &mut found);
    found.sort();
    found
}

fn collect(top: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap().to_str().unwrap();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            collect(top, &path, found);
        } else if kind.is_symlink() {
            found.push(format!(
                "{name} -> {}\n",
                fs::read_link(&path).unwrap().display()
            ));
        } else {
            found.push(format!(
                "---{name}---\n{}",
                fs::read_to_string(&path).unwrap()
            ));
        }
    }
}

/// The entries that a dry run printed, each an element.
pub(crate) fn printed_entries(printed: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in printed.split_inclusive('\n') {
        let header = line.starts_with("---");
        let link = line.contains(".wants/") && line.contains(" -> ");
        match found.last_mut() {
            Some(entry) if !header && !link => entry.push_str(line),
            _ => found.push(line.to_owned()),
        }
    }
    found.sort();
    found
}

/// What went wrong with a run, for who reads the test's output.
pub(crate) fn report(case: &Case, root: &Path, output: &Output) -> String {
    let mut text = format!(
        "case {}: status {}\ninput tree:\n",
        case.name, output.status
    );
    let listing = Command::new("find")
        .arg(root)
        .args(["-printf", "  %P %y %l\n"])
        .output()
        .unwrap();
    text.push_str(&String::from_utf8_lossy(&listing.stdout));
    let _ = write!(
        text,
        "stdout:\n{}\nstderr:\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// The lines that differ, as diff(1) shows them.
pub(crate) fn difference(expected: &str, got: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("expected"), expected).unwrap();
    fs::write(directory.path().join("got"), got).unwrap();
    let diff = Command::new("diff")
        .args(["-u", "expected", "got"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    String::from_utf8_lossy(&diff.stdout).into_owned()
}
