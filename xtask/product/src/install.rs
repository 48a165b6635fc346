//! Files at their places below a root.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use nix::sys::stat::{Mode, umask};
use tempfile::NamedTempFile;

use crate::binaries::{Binaries, workspace};

const UNITS: &str = "usr/lib/systemd/system";

/// Shells and the file each reads `preseedctl`'s completions from.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/preseedctl"),
    ("zsh", "usr/share/zsh/vendor-completions/_preseedctl"),
    (
        "fish",
        "usr/share/fish/vendor_completions.d/preseedctl.fish",
    ),
];

/// Builds, and puts the files at their places below `root`. On this machine itself, `journalctl -x`
/// knows the messages from then on.
///
/// # Errors
/// The build or [`install`] fails, or the journal's catalog cannot be updated.
pub fn build_and_install(root: &Path) -> anyhow::Result<()> {
    install(root, &Binaries::build()?)?;
    if root == Path::new("/") {
        run(Command::new("journalctl").arg("--update-catalog"))?;
        println!("installed: `systemctl daemon-reload` makes the units of what is declared");
    }
    Ok(())
}

/// Puts preseed's files at their places below `root`; those that are there are replaced, each
/// atomically, so that a running program is not disturbed. Nothing is started or reloaded.
///
/// # Errors
/// A file cannot be read or written, or `preseedctl` does not print its completions.
pub fn install(root: &Path, built: &Binaries) -> anyhow::Result<()> {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let programs = [
        (
            &built.generator,
            "usr/lib/systemd/system-generators/preseed-generator",
        ),
        (&built.dataset_helper, "usr/lib/preseed/dataset-helper"),
        (&built.preseed_helper, "usr/lib/preseed/preseed-helper"),
        (&built.protect_helper, "usr/lib/preseed/protect-helper"),
        (&built.preseedctl, "usr/bin/preseedctl"),
    ];
    for (from, to) in programs {
        copy(from, &root.join(to), 0o755)?;
    }
    let units = workspace().join("units");
    for unit in [
        "storage-datasets.target",
        "storage-preseed.target",
        "storage.slice",
        "storage-preseed.slice",
        "storage-preseed-check.service",
        "storage-preseed-kept.service",
        "storage-preseed-kept.timer",
        "storage-snapshots.service",
        "storage-snapshots-proof.service",
        "storage-snapshots.timer",
    ] {
        copy(&units.join(unit), &root.join(UNITS).join(unit), 0o644)?;
    }
    let wants = root.join(UNITS).join("timers.target.wants");
    link("../storage-preseed-kept.timer", &wants)?;
    copy(
        &units.join("preseed.catalog"),
        &root.join("usr/lib/systemd/catalog/preseed.catalog"),
        0o644,
    )?;
    install_documents(root)?;
    for template in files(&units.join("catalog"), "toml")? {
        let name = template.file_name().unwrap_or_default();
        copy(
            &template,
            &root.join("usr/lib/preseed/catalog").join(name),
            0o644,
        )?;
    }
    for (shell, to) in COMPLETIONS {
        write(
            &root.join(to),
            &completions(&built.preseedctl, shell)?,
            0o644,
        )?;
    }
    Ok(())
}

/// Puts the documents at their place below `root`. The journal's catalog points to README.md, and that to the others.
fn install_documents(root: &Path) -> anyhow::Result<()> {
    let documents = root.join("usr/share/doc/preseed");
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        copy(&workspace().join(name), &documents.join(name), 0o644)?;
    }
    for below in ["docs", "docs/decisions"] {
        for page in files(&workspace().join(below), "md")? {
            let name = page.file_name().unwrap_or_default();
            copy(&page, &documents.join(below).join(name), 0o644)?;
        }
    }
    Ok(())
}

/// Puts what the scenarios need below `root`: the test service, which is enabled, its
/// user, and the functions that scenarios and stories are told with.
///
/// # Errors
/// A file cannot be read or written, or `systemd-sysusers` fails.
pub fn install_test_service(root: &Path, built: &Binaries) -> anyhow::Result<()> {
    let tests = workspace().join("tests");
    let unit = root.join(UNITS).join("sonarr.service");
    copy(
        &built.sonarr,
        &root.join("usr/lib/preseed-tests/sonarr"),
        0o755,
    )?;
    install_libraries(root, &tests)?;
    let repository = Path::new("usr/lib/preseed-tests/repository");
    copy(
        &tests.join("repository/config"),
        &root.join(repository).join("config"),
        0o600,
    )?;
    copy_all(
        &tests.join("repository/keys"),
        &root.join(repository).join("keys"),
        0o600,
    )?;
    copy(&tests.join("sonarr/sonarr.service"), &unit, 0o644)?;
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).with_context(|| wants.display().to_string())?;
    let link = wants.join("sonarr.service");
    std::os::unix::fs::symlink("/usr/lib/systemd/system/sonarr.service", &link)
        .with_context(|| link.display().to_string())?;

    write(
        &root.join("usr/lib/sysusers.d/sonarr.conf"),
        b"u sonarr - \"Sonarr\" /var/lib/sonarr\n",
        0o644,
    )?;
    let mut below = OsString::from("--root=");
    below.push(root);
    run(Command::new("systemd-sysusers")
        .arg(below)
        .arg("sonarr.conf"))
    .map(drop)
}

/// Puts what scenarios say, and the service that stands for those of the catalog, at its place below `root`.
fn install_libraries(root: &Path, tests: &Path) -> anyhow::Result<()> {
    copy(
        &tests.join("catalog/stub"),
        &root.join("usr/lib/preseed-tests/stub"),
        0o755,
    )?;
    for library in [
        "lib.sh",
        "demo/narration.sh",
        "catalog/catalog.sh",
        "catalog/stubs.py",
        "repository/sealed.py",
        "repository/store_again.py",
    ] {
        let from = tests.join(library);
        let name = from.file_name().unwrap_or_default();
        copy(&from, &root.join("usr/lib/preseed-tests").join(name), 0o644)?;
    }
    Ok(())
}

/// Makes a link to `target`, with its name, in `directory`; one that is there is replaced.
fn link(target: &str, directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let link = directory.join(Path::new(target).file_name().unwrap_or_default());
    match fs::remove_file(&link) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::os::unix::fs::symlink(target, &link),
    }
    .with_context(|| link.display().to_string())
}

/// What `preseedctl completions SHELL` prints.
fn completions(preseedctl: &Path, shell: &str) -> anyhow::Result<Vec<u8>> {
    run(Command::new(preseedctl).args(["completions", shell]))
}

/// Runs a command to its end and gives its standard output.
fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(output.stdout)
}

/// The files of a directory whose name ends in `.extension`, sorted.
fn files(directory: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let place = || directory.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(place)? {
        let path = entry.with_context(place)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Copies all files of a directory.
fn copy_all(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry.with_context(|| from.display().to_string())?.path();
        copy(&path, &to.join(path.file_name().unwrap_or_default()), mode)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    let contents = fs::read(from).with_context(|| from.display().to_string())?;
    write(to, &contents, mode)
}

/// Writes a file beside its place and renames it there.
fn write(to: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    let place = || to.display().to_string();
    let directory = to.parent().with_context(place)?;
    fs::create_dir_all(directory).with_context(place)?;
    let mut file = NamedTempFile::new_in(directory).with_context(place)?;
    std::io::Write::write_all(&mut file, contents).with_context(place)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))
        .with_context(place)?;
    file.persist(to).with_context(place)?;
    Ok(())
}
