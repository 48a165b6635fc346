//! `load_service` gives one service with all checks, or a clear word why not; `load` takes many
//! files, odd names and large files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::format_collect)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use declaration::layer::Layer;
use declaration::settings::Storage;
use declaration::{Search, load, load_service};
use nix::sys::stat::{Mode, umask};

fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn problems(root: &Path, name: &str) -> Vec<String> {
    match load_service(&Search::with_root(root), name) {
        Ok(service) => panic!("{service:?}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn sound() {
    let root = host(&[
        ("etc/preseed/services/sonarr.toml", "[preseed]"),
        ("etc/preseed/services/bad.toml", "x"),
    ]);
    let service = load_service(&Search::with_root(root.path()), "sonarr").unwrap();
    assert_eq!(service.name.as_str(), "sonarr");
    assert_eq!(
        service.source,
        Path::new("/etc/preseed/services/sonarr.toml")
    );
}

#[test]
fn the_shipped_template() {
    let template = include_str!("../../units/catalog/sonarr.toml");
    let root = host(&[
        ("usr/lib/preseed/catalog/sonarr.toml", template),
        ("etc/preseed/services/sonarr.toml", "template = 'sonarr'"),
    ]);
    let service = load_service(&Search::with_root(root.path()), "sonarr").unwrap();
    assert_eq!(service.mountpoint.value, Path::new("/var/lib/sonarr"));
    assert_eq!(service.mode.bits(), 0o700);
    assert_eq!(
        service.expect,
        [Path::new("sonarr.db"), Path::new("config.xml")]
    );
    // No repository is named yet: nothing to back up to, and nothing to restore from.
    assert_eq!(service.backup, None);
}

#[test]
fn clashes_are_seen() {
    let root = host(&[
        (
            "etc/preseed/services/a.toml",
            "dataset.mountpoint = '/srv/x'",
        ),
        (
            "etc/preseed/services/b.toml",
            "dataset.mountpoint = '/srv/x'",
        ),
    ]);
    assert_eq!(
        problems(root.path(), "b"),
        [
            "/etc/preseed/services/b.toml:1:22: mountpoint `/srv/x` is also that of `a` (/etc/preseed/services/a.toml:1:22): give each service a mountpoint of its own"
        ]
    );
}

#[test]
fn not_declared() {
    let root = host(&[("etc/preseed/services/sonarr.toml", "[preseed]")]);
    let searched = "/etc/preseed/services, /run/preseed/services, /usr/local/lib/preseed/services, /usr/lib/preseed/services";
    assert_eq!(
        problems(root.path(), "sonar"),
        [format!(
            "/etc/preseed/services/sonar.toml:1:1: service `sonar` is not declared in any of {searched}: did you mean `sonarr`?"
        )]
    );
    assert_eq!(
        problems(root.path(), "jellyfin"),
        [format!(
            "/etc/preseed/services/jellyfin.toml:1:1: service `jellyfin` is not declared in any of {searched}: declare it in /etc/preseed/services/jellyfin.toml"
        )]
    );
    assert_eq!(
        problems(root.path(), "../sonarr"),
        [
            "/etc/preseed/services:1:1: service name `../sonarr` holds `/`: use ASCII letters, digits and `-`, `_`, `.`, `:`"
        ]
    );
}

#[test]
fn masked() {
    let root = host(&[("usr/lib/preseed/services/sonarr.toml", "[preseed]")]);
    let services = root.path().join("etc/preseed/services");
    fs::create_dir_all(&services).unwrap();
    symlink("/dev/null", services.join("sonarr.toml")).unwrap();
    assert_eq!(
        problems(root.path(), "sonarr"),
        [
            "/etc/preseed/services/sonarr.toml:1:1: service `sonarr` is masked: remove the link to /dev/null to declare it again"
        ]
    );
}

#[test]
fn not_listed() {
    let root = host(&[("run/preseed/services", "a file")]);
    let problems = problems(root.path(), "sonarr");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(
        problems[1],
        "/run/preseed/services:1:1: cannot list the directory: not a directory: make it readable; until then nothing it may override or mask is used"
    );
}

#[test]
fn many_are_in_order_and_the_same_each_time() {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let root = tempfile::tempdir().unwrap();
    let services = root.path().join("etc/preseed/services");
    fs::create_dir_all(&services).unwrap();
    for number in 0..300 {
        let text = if number % 7 == 0 {
            "modus = 1"
        } else {
            "[preseed]"
        };
        fs::write(services.join(format!("app{number:03}.toml")), text).unwrap();
        symlink(
            "/dev/null",
            services.join(format!("app{number:03}-masked.toml")),
        )
        .unwrap();
    }
    let search = Search::with_root(root.path());
    let host = load(&search);
    let names: Vec<_> = host
        .services
        .iter()
        .map(|service| service.name.to_string())
        .collect();
    let expected: Vec<_> = (0..300)
        .filter(|n| n % 7 != 0)
        .map(|n| format!("app{n:03}"))
        .collect();
    assert_eq!(names, expected);
    let broken: Vec<_> = host
        .broken
        .iter()
        .map(|broken| broken.name.clone())
        .collect();
    let expected: Vec<_> = (0..300)
        .filter(|n| n % 7 == 0)
        .map(|n| format!("app{n:03}"))
        .collect();
    assert_eq!(broken, expected);
    assert_eq!(format!("{host:?}"), format!("{:?}", load(&search)));
}

#[test]
fn a_name_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = host(&[("etc/preseed/services/a\nb.toml", "[preseed]")]);
    let services = root.path().join("etc/preseed/services");
    fs::write(
        services.join(std::ffi::OsStr::from_bytes(b"x\xff.toml")),
        "[preseed]",
    )
    .unwrap();
    let host = load(&Search::with_root(root.path()));
    let lines: Vec<_> = host.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            r"/etc/preseed/services/a\nb.toml:1:1: service name `a\nb` holds `\n`: rename the file: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            "/etc/preseed/services/x\u{fffd}.toml:1:1: service name `x\u{fffd}` holds `\u{fffd}`: rename the file: use ASCII letters, digits and `-`, `_`, `.`, `:`",
        ]
    );
    assert!(host.broken.iter().all(|broken| broken.units.is_empty()));
}

#[test]
fn a_thousand_errors_are_not_all_told() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..1000 {
        writeln!(text, "k{number} = 1").unwrap();
    }
    let root = host(&[("etc/preseed/services/a.toml", &text)]);
    let problems = problems(root.path(), "a");
    assert_eq!(problems.len(), 51);
    assert_eq!(
        problems[0],
        "/etc/preseed/services/a.toml:1:1: 950 more problems in this file: correct the others first"
    );
}

#[test]
fn a_megabyte_of_errors_takes_no_minutes() {
    // Time and stack must not grow faster than the file.
    let size = 1 << 20;
    let units: String = (0..50_000).map(|n| format!("'x{n}.service',")).collect();
    for text in [
        "=\n".repeat(size / 2),
        "[".repeat(size),
        format!("a={}", "[".repeat(size - 2)),
        format!("a{}", ".a".repeat(size / 2 - 1)),
        "a=1\n".repeat(size / 4),
        (0..90_000).map(|n| format!("k{n}=1\n")).collect(),
        format!("preseed.expect=[{}]", "'..',".repeat(200_000)),
        format!("preseed.unit=[{units}'x0.service']"),
        "[[preseed.verify]]\ncommand=['/a']\nsqlite='b'\n".repeat(24_000),
        "[[preseed.verify]]\nsqlite='b'\ncommand=['/a']\n".repeat(24_000),
        format!("preseed.paths=[{}]", "'a/b','a',".repeat(100_000)),
    ] {
        let root = host(&[("etc/preseed/services/a.toml", &text)]);
        let start = std::time::Instant::now();
        assert!(!problems(root.path(), "a").is_empty());
        // A machine under load takes several times what is usual; one that grew with the square would take hours.
        assert!(start.elapsed().as_secs() < 300, "{}", &text[..20]);
    }
}

#[test]
fn each_value_says_where_it_comes_from() {
    let root = host(&[
        (
            "etc/preseed/preseed.toml",
            "[storage]\nmount-base = \"/data\"\n[repository.r]\nurl = \"/r\"\npassword-file = \"/p\"\n",
        ),
        (
            "etc/preseed/catalog/t.toml",
            "[dataset]\nrecordsize = \"16K\"\nowner = \"t\"\n[backup]\nrepository = \"r\"\n",
        ),
        (
            "etc/preseed/services/a.toml",
            "template = \"t\"\n[dataset]\nmode = \"0700\"\nowner = \"a\"\n",
        ),
    ]);
    let service = load_service(&Search::with_root(root.path()), "a").unwrap();
    let Storage::Zfs(dataset) = &service.storage else {
        panic!("{:?}", service.storage);
    };
    assert_eq!(service.mountpoint.value, Path::new("/data/a"));
    let layers = [
        service.mountpoint.layer,
        service.mode.layer,
        service.owner.layer,
        service.group.layer,
        dataset.recordsize.layer,
        dataset.compression.layer,
        service.backup.as_ref().unwrap().path.layer,
    ];
    let (own, template, default) = (Layer::Service, Layer::Template, Layer::Default);
    assert_eq!(
        layers,
        [Layer::Host, own, own, default, template, default, default]
    );
}
