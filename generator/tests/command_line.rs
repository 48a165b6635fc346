//! How the generator is called, and what it answers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use case::{entries, generator, scratch};

/// A root with one sound declaration, and an output directory.
fn sound() -> (tempfile::TempDir, tempfile::TempDir) {
    let root = scratch();
    fs::create_dir_all(root.path().join("etc/preseed/services")).unwrap();
    fs::write(
        root.path().join("etc/preseed/services/sonarr.toml"),
        "[preseed]\ntiers = [\"rollback\"]\n",
    )
    .unwrap();
    (root, scratch())
}

fn answer(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    (
        status.code(),
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    )
}

#[test]
fn one_or_three_directories() {
    for count in [1, 3] {
        let (root, out) = sound();
        let (status, stdout, stderr) = answer(generator(root.path()).args(vec![out.path(); count]));
        assert_eq!(
            (status, stdout.as_str(), stderr.as_str()),
            (Some(0), "", ""),
            "{count} directories"
        );
        assert_eq!(entries(out.path()).len(), 6, "{count} directories");
    }
}

#[test]
fn wrong_usage_is_status_2() {
    for arguments in [
        &[][..],
        &["a", "b"],
        &["a", "b", "c", "d"],
        &["--dry"],
        &["--dry-run", "x"],
        &["-x", "a", "b"],
    ] {
        let (status, stdout, stderr) = answer(generator(Path::new("/none")).args(arguments));
        assert_eq!(
            (status, stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}: {stderr}"
        );
        assert!(
            stderr.ends_with(": see `preseed-generator --help`\n"),
            "{arguments:?}: {stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
    }
}

#[test]
fn help_and_version() {
    let (status, stdout, stderr) = answer(generator(Path::new("/none")).arg("--help"));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(
        stdout.contains("preseed-generator NORMAL [EARLY LATE]") && stdout.contains("--dry-run"),
        "{stdout}"
    );
    let (status, stdout, _) = answer(generator(Path::new("/none")).arg("--version"));
    assert_eq!(
        (status, stdout),
        (
            Some(0),
            format!("preseed-generator {}\n", env!("CARGO_PKG_VERSION"))
        )
    );
}

#[test]
fn nothing_is_written_in_the_initrd_or_for_a_user() {
    for (name, value) in [("SYSTEMD_IN_INITRD", "1"), ("SYSTEMD_SCOPE", "user")] {
        let (root, out) = sound();
        let (status, stdout, stderr) =
            answer(generator(root.path()).arg(out.path()).env(name, value));
        assert_eq!(
            (status, stdout.as_str(), stderr.as_str()),
            (Some(0), "", ""),
            "{name}={value}"
        );
        assert!(entries(out.path()).is_empty(), "{name}={value}");
    }
    for (name, value) in [("SYSTEMD_IN_INITRD", "0"), ("SYSTEMD_SCOPE", "system")] {
        let (root, out) = sound();
        answer(generator(root.path()).arg(out.path()).env(name, value));
        assert_eq!(entries(out.path()).len(), 6, "{name}={value}");
    }
}

#[test]
fn a_missing_output_directory_is_named() {
    let (root, out) = sound();
    let missing = out.path().join("missing");
    let (status, _, stderr) = answer(generator(root.path()).arg(&missing));
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains(missing.to_str().unwrap()), "{stderr}");
    assert!(entries(out.path()).is_empty());
}

#[test]
fn what_is_there_is_kept_and_the_rest_is_written() {
    let (root, out) = sound();
    fs::write(out.path().join("elsewhere"), "precious").unwrap();
    std::os::unix::fs::symlink("elsewhere", out.path().join("preseed-sonarr.service")).unwrap();
    let (status, _, stderr) = answer(generator(root.path()).arg(out.path()));
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.starts_with("preseed-sonarr.service: duplicate entry: "),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert_eq!(
        fs::read_to_string(out.path().join("elsewhere")).unwrap(),
        "precious"
    );
    // Six of ours, one of them a link that was there, and the file it points to.
    assert_eq!(entries(out.path()).len(), 7, "{:?}", entries(out.path()));
}

#[test]
fn a_directory_that_takes_no_file_is_reported_for_each_entry() {
    let (root, out) = sound();
    fs::write(out.path().join("sonarr.service.d"), "").unwrap();
    let (status, _, stderr) = answer(generator(root.path()).arg(out.path()));
    assert_eq!(status, Some(1), "{stderr}");
    assert_eq!(
        stderr,
        "sonarr.service.d/50-preseed-sonarr.conf: cannot write: Not a directory: \
         correct that, then run `systemctl daemon-reload`\n"
    );
}

#[test]
fn many_are_written_as_few_are() {
    let (root, out) = sound();
    for number in 0..300 {
        let path = root
            .path()
            .join(format!("etc/preseed/services/s{number}.toml"));
        fs::write(path, "[preseed]\ntiers = [\"rollback\"]\n").unwrap();
    }
    let (status, _, stderr) = answer(generator(root.path()).arg(out.path()));
    assert_eq!(status, Some(0), "{stderr}");
    let (_, printed, _) = answer(generator(root.path()).arg("--dry-run"));
    assert_eq!(entries(out.path()), case::printed_entries(&printed));
}
