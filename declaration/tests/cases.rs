//! Each file in `cases/` is one host: what is on it, and what the declarations are understood as.
//!
//! ```text
//! --- etc/preseed/services/sonarr.toml      a file, its text follows (`\xNN`: that byte)
//! --- etc/preseed/services/x.toml -> /dev/null
//! --- etc/preseed/services/x.toml is a directory (or: fifo, socket, 1048577 bytes long)
//! --- etc/preseed/services has mode 0775
//! === problems, broken, services            what `load` gives
//! ```
//! With `BLESS=1` what is expected is written anew; look at the difference before committing it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines
)]

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use declaration::settings::{Broken, Drill, Host, Promise, Service, Storage};
use declaration::value::{AccountName, UnitName};
use declaration::{Search, load};
use nix::sys::stat::{Mode, umask};

#[test]
fn cases() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|case| case.unwrap().path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    let mut failed = Vec::new();
    for case in cases {
        let text = fs::read_to_string(&case).unwrap();
        let (host, expected) = text.split_once("=== ").unwrap_or((&text, ""));
        let root = tempfile::tempdir().unwrap();
        build(root.path(), host);
        let loaded = load(&Search::with_root(root.path()));
        assert_sound(&loaded);
        let seen = show(&loaded);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&case, format!("{host}{seen}")).unwrap();
        } else if seen != format!("=== {expected}") {
            failed.push(format!(
                "{}:\n{}",
                case.display(),
                difference(expected, &seen)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn difference(expected: &str, seen: &str) -> String {
    let expected = format!("=== {expected}");
    let (expected, seen): (Vec<_>, Vec<_>) = (expected.lines().collect(), seen.lines().collect());
    let mut shown = String::new();
    for line in expected.iter().filter(|line| !seen.contains(line)) {
        writeln!(shown, "- {line}").unwrap();
    }
    for line in seen.iter().filter(|line| !expected.contains(line)) {
        writeln!(shown, "+ {line}").unwrap();
    }
    if shown.is_empty() {
        shown.push_str("the order differs\n");
    }
    shown
}

/// Puts on a host what a case says.
fn build(root: &Path, host: &str) {
    // What group or others may write is refused.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    for block in host.split("--- ").skip(1) {
        let (header, text) = block.split_once('\n').unwrap();
        let words: Vec<_> = header.split(' ').collect();
        let path = root.join(words[0]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match words[1..] {
            [] => fs::write(&path, unescape(text)).unwrap(),
            ["->", target] => symlink(target, &path).unwrap(),
            ["is", "a", "directory"] => fs::create_dir(&path).unwrap(),
            ["is", "a", "fifo"] => {
                nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
            }
            ["is", "a", "socket"] => drop(UnixListener::bind(&path).unwrap()),
            ["has", "mode", mode] => {
                let mode = u32::from_str_radix(mode, 8).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            }
            ["is", length, "bytes", "long"] => {
                fs::File::create(&path)
                    .unwrap()
                    .set_len(length.parse().unwrap())
                    .unwrap();
            }
            _ => panic!("{header}"),
        }
    }
}

/// `\xNN` stands for a byte that is not text.
fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}

/// What holds for every host.
fn assert_sound(host: &Host) {
    assert!(host.problems.is_sorted());
    for broken in &host.broken {
        assert!(!broken.problems.is_empty(), "{broken:?}");
        for problem in &broken.problems {
            assert!(host.problems.contains(problem), "{problem}");
        }
    }
    for service in &host.services {
        assert!(!service.units.is_empty(), "{service:?}");
    }
}

fn show(host: &Host) -> String {
    let mut shown = String::from("=== problems\n");
    for problem in &host.problems {
        writeln!(shown, "{}", without_all_keys(&problem.to_string())).unwrap();
    }
    shown.push_str("=== broken\n");
    for broken in &host.broken {
        writeln!(shown, "{}", show_broken(broken)).unwrap();
    }
    shown.push_str("=== services\n");
    for service in &host.services {
        shown.push_str(&show_service(service));
    }
    for utility in &host.utilities {
        let properties = utility.properties.iter();
        let properties: Vec<_> = properties
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let (name, dataset) = (&utility.name, &utility.dataset);
        writeln!(shown, "dataset {name}: {dataset} {}", properties.join(", ")).unwrap();
    }
    shown
}

/// Of the list of a table's keys the first two: a new key changes no case.
fn without_all_keys(problem: &str) -> String {
    let Some((before, keys)) = problem.split_once("remove it; known are ") else {
        return problem.to_owned();
    };
    let first: Vec<_> = keys.split(", ").take(2).collect();
    format!("{before}remove it; known are {}, …", first.join(", "))
}

fn show_broken(broken: &Broken) -> String {
    let units: Vec<_> = broken.units.iter().map(UnitName::as_str).collect();
    let count = broken.problems.len();
    let name = broken.name.escape_debug();
    format!("{name}: keeps down {units:?}, {count} problems")
}

fn show_storage(storage: &Storage) -> Vec<(&'static str, String)> {
    let Storage::Zfs(dataset) = storage else {
        return vec![("storage", "directory".to_owned())];
    };
    let shown = format!(
        "{} in {}, {}, {}",
        dataset.name, dataset.parent, dataset.recordsize, dataset.compression
    );
    let properties = dataset.properties.iter();
    let properties: Vec<_> = properties
        .map(|(name, value)| format!("{name}={value} ({})", value.layer))
        .collect();
    let mut lines = vec![("storage", shown)];
    if !properties.is_empty() {
        lines.push(("properties", properties.join(", ")));
    }
    lines
}

fn show_service(service: &Service) -> String {
    let mut shown = format!("{} from {}\n", service.name, service.source.display());
    let mut line = |key: &str, value: String| writeln!(shown, "  {key}: {value}").unwrap();
    for (key, value) in show_storage(&service.storage) {
        line(key, value);
    }
    line(
        "mountpoint",
        format!(
            "{} {}:{} {}",
            service.mountpoint.display(),
            service.owner,
            service.group,
            service.mode
        ),
    );
    if let Some(user) = &service.user {
        let groups: Vec<_> = user.groups.iter().map(AccountName::as_str).collect();
        line(
            "user",
            format!(
                "{} {:?}, {} {:?}, {groups:?}, {:?}",
                user.name, user.uid, user.group, user.gid, user.chown
            ),
        );
    }
    let units: Vec<_> = service.units.iter().map(UnitName::as_str).collect();
    line("units", units.join(" "));
    let tiers: Vec<_> = service.tiers.iter().map(|tier| tier.as_str()).collect();
    let network = if service.needs_network() {
        ", needs the network"
    } else {
        ""
    };
    line("tiers", format!("{}{network}", tiers.join(" ")));
    for (key, paths) in [("expect", &service.expect), ("skeleton", &service.skeleton)] {
        if !paths.is_empty() {
            line(key, format!("{paths:?}"));
        }
    }
    if !service.ignore.is_empty() {
        line("ignore", format!("{:?}", service.ignore));
    }
    for check in &service.verify {
        line("verify", format!("{check:?}"));
    }
    if !service.paths.is_empty() {
        line("paths", format!("{:?}", service.paths));
    }
    let ages = service.max_age.iter();
    let ages: Vec<_> = ages
        .map(|(tier, age)| format!(", {tier} up to {age:?}"))
        .collect();
    line(
        "candidates",
        format!(
            "{:?}, {}{}",
            service.prefer,
            service.max_candidates,
            ages.concat()
        ),
    );
    line(
        "restores",
        format!(
            "{} at once, {:?} without progress, {:?}",
            service.max_parallel_restores, service.stall_timeout, service.keep_replaced
        ),
    );
    line(
        "else",
        format!("{:?}, {:?}", service.on_partial, service.on_unavailable),
    );
    for replica in &service.replicas {
        let host = replica.host.as_deref().unwrap_or("this machine");
        line(
            "replica",
            format!("{}: {} on {host}", replica.name, replica.dataset),
        );
    }
    if let Some(backup) = &service.backup {
        let repository = &backup.repository;
        line(
            "backup",
            format!(
                "{}: {} with {} and {:?}",
                repository.name,
                repository.url,
                repository.password_file.display(),
                repository.environment_file
            ),
        );
        line(
            "  of",
            format!(
                "{:?} {} {:?} without {:?}",
                backup.host,
                backup.path.display(),
                backup.tags,
                backup.exclude
            ),
        );
    }
    if service.promise != Promise::default() {
        line("promise", format!("{:?}", service.promise));
    }
    if service.drill != Drill::default() {
        line("drill", format!("{:?}", service.drill));
    }
    if service.together {
        line("together", "yes".to_owned());
    }
    if !service.nested.is_empty() {
        line("nested", format!("{:?}", service.nested));
    }
    if let Some(part) = &service.part {
        line("part", format!("{part:?}"));
    }
    for place in &service.places {
        for place in show_service(place).lines() {
            writeln!(shown, "  {place}").unwrap();
        }
    }
    shown
}
