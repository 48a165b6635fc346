//! The rules of the shipped catalog: what years of other people's templates taught.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use declaration::settings::{Check, OnUnavailable, Service};
use declaration::shelf::{self, Evidence};
use declaration::{Search, load};
use nix::sys::stat::{Mode, umask};

/// Files with a name like SQLite's that are something else, or that SQLite alone cannot check.
const NOT_SQLITE: [&str; 6] = [
    "mosquitto.db",
    "database.db",
    "meta.db",
    "scrypted.db",
    "sessions.db",
    "com.plexapp.plugins.library.db",
];

/// Units that start others and wait for nothing themselves, or that are another name of one.
const UMBRELLAS: [&str; 4] = [
    "postgresql.service",
    "mysql.service",
    "redis.service",
    "influxd.service",
];

/// As wide as the list of the catalog can show it.
const ABOUT: usize = 47;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../units/catalog")
}

/// A host with the whole catalog, and a service of two lines for each template.
struct Host {
    root: tempfile::TempDir,
    /// Name and text of each template.
    templates: Vec<(String, String)>,
}

impl Host {
    fn new() -> Self {
        umask(Mode::S_IWGRP | Mode::S_IWOTH);
        let root = tempfile::tempdir().unwrap();
        let below = |path: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        let mut templates = Vec::new();
        for file in fs::read_dir(directory()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            fs::write(
                below(&format!("usr/lib/preseed/catalog/{name}.toml")),
                &text,
            )
            .unwrap();
            let service = format!("template = \"{name}\"\nbackup.repository = \"nas-1\"\n");
            fs::write(below(&format!("etc/preseed/services/{name}.toml")), service).unwrap();
            templates.push((name, text));
        }
        let host =
            "[repository.nas-1]\nurl = \"/srv/restic\"\npassword-file = \"/etc/preseed/secret\"\n";
        fs::write(below("etc/preseed/preseed.toml"), host).unwrap();
        Self { root, templates }
    }

    fn services(&self) -> Vec<Service> {
        let loaded = load(&Search::with_root(self.root.path()));
        let mut problems = String::new();
        for problem in &loaded.problems {
            writeln!(problems, "{problem}").unwrap();
        }
        assert!(loaded.problems.is_empty(), "{problems}");
        loaded.services
    }
}

/// Also all at once: no two share a mountpoint, a dataset or a unit.
#[test]
fn each_template_makes_a_service_of_two_lines() {
    let host = Host::new();
    assert!(host.templates.len() >= 45, "{}", host.templates.len());
    assert_eq!(host.services().len(), host.templates.len());
}

#[test]
fn each_value_has_its_reason() {
    for (name, text) in Host::new().templates {
        let mut above = "";
        let mut in_list = false;
        for line in text.lines() {
            let is_key = line.contains(" = ") && line.starts_with(|c: char| c.is_ascii_lowercase());
            assert!(
                !is_key || in_list || above.starts_with("# "),
                "{name}: no reason above {line}"
            );
            in_list = (in_list || line.ends_with('[')) && line != "]";
            above = line;
        }
    }
}

#[test]
fn each_head_says_what_it_is_of_and_what_it_is_known_from() {
    let host = Host::new();
    let (entries, problems) = shelf::entries(&Search::with_root(host.root.path()));
    assert_eq!(problems, []);
    for entry in entries {
        let name = &entry.name;
        assert!(entry.about.ends_with('.'), "{name}: {}", entry.about);
        assert!(
            entry.about.chars().count() <= ABOUT,
            "{name}: {}",
            entry.about
        );
        assert_ne!(entry.evidence, Evidence::Unsaid, "{name}");
        if entry.evidence == Evidence::Run {
            assert!(is_shown(name), "{name}: no scenario that shows it");
        }
        assert!(entry.problems.is_empty(), "{name}");
    }
}

/// Whether the template's head names a scenario that exists.
fn is_shown(name: &str) -> bool {
    let text = fs::read_to_string(directory().join(format!("{name}.toml"))).unwrap();
    let tests = directory().join("../../tests");
    text.split('`').any(|word| {
        let of = |kind: &str| tests.join(kind).join(format!("{word}.sh"));
        of("container").exists() || of("vm").exists()
    })
}

/// A LevelDB keeps its newest data in files called `*.log`: what is left out is named from the service's directory on.
#[test]
fn what_a_backup_leaves_out_is_anchored_and_is_no_data() {
    for service in Host::new().services() {
        let name = &service.name;
        let backup = service.backup.as_ref().unwrap();
        assert!(backup.tags.contains(&name.to_string()), "{name}: its tag");
        for pattern in &backup.exclude {
            assert!(
                pattern.starts_with('/'),
                "{name}: {pattern} is not anchored"
            );
            assert!(
                !pattern.contains("**"),
                "{name}: {pattern} reaches anywhere"
            );
            for expected in &service.expect {
                let data = format!("/{}", expected.display());
                let taken = matches(pattern, &data) || data.starts_with(&format!("{pattern}/"));
                assert!(
                    !taken,
                    "{name}: {pattern} leaves out {data}, which is expected"
                );
            }
        }
    }
}

/// Whether `*`, which takes no `/`, and the rest of a pattern make up a path.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| {
            let ends = rest
                .char_indices()
                .map(|(index, _)| index)
                .chain([rest.len()]);
            let ends = ends.take_while(|end| !rest[..*end].contains('/'));
            ends.into_iter().any(|end| matches(after, &rest[end..]))
        }),
    }
}

#[test]
fn only_sqlite_is_checked_as_sqlite() {
    for service in Host::new().services() {
        for check in &service.verify {
            let Check::Sqlite(file) = check else { continue };
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(!NOT_SQLITE.contains(&name), "{}: {name}", service.name);
            assert!(
                service.expect.contains(file),
                "{}: a copy without {name} would pass for data",
                service.name
            );
        }
    }
}

#[test]
fn no_unit_is_an_umbrella() {
    for service in Host::new().services() {
        for unit in &service.units {
            assert!(
                !UMBRELLAS.contains(&unit.as_str()),
                "{}: {unit}",
                service.name
            );
        }
    }
}

/// What may start empty is said, and nothing else that a service needs is left without a word for what its data is.
#[test]
fn what_is_not_expected_may_start_empty() {
    let unsaid: BTreeSet<String> = Host::new()
        .services()
        .into_iter()
        .filter(|service| service.expect.is_empty())
        .filter(|service| service.on_unavailable != OnUnavailable::StartEmpty)
        .map(|service| service.name.to_string())
        .collect();
    assert_eq!(unsaid, BTreeSet::new());
}

/// What an entry offers to copy into a service's own file: the lines of its comments that are indented.
fn offered(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#     "));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// No entry makes a place by itself: a service that has its data there already would not start any more.
#[test]
fn places_are_offered_and_each_is_sound() {
    let host = Host::new();
    assert!(host.services().iter().all(|one| one.places.is_empty()));
    let mut offers = 0;
    for (name, text) in &host.templates {
        let offered = offered(text);
        if offered.is_empty() {
            continue;
        }
        offers += 1;
        let file = host
            .root
            .path()
            .join(format!("etc/preseed/services/{name}.toml"));
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, text + &offered).unwrap();
    }
    assert!(offers >= 9, "{offers}");
    let services = host.services();
    let with_places = services.iter().filter(|one| !one.places.is_empty());
    assert_eq!(with_places.clone().count(), offers);
    for service in with_places {
        for place in &service.places {
            let part = place.part.as_ref().unwrap();
            let below = part
                .below
                .as_ref()
                .map(|path| format!("/{}", path.display()));
            // Where it is no place, a backup leaves out what need not be restored, and only that.
            let excluded = &service.backup.as_ref().unwrap().exclude;
            let is_left_out = below.is_some_and(|below| excluded.contains(&below));
            assert_eq!(is_left_out, !part.restores, "{}", place.name);
            assert_eq!(place.expect.is_empty(), !part.restores, "{}", place.name);
        }
    }
}
