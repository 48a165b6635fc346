//! `docs/keys.md` holds just the keys that are read, and what it says of them is true.
//!
//! With `BLESS=1` the page is written anew; look at the difference before committing it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use declaration::section::{KeyDoc, TableDoc, of_a_service, of_the_host};
use declaration::settings::Host;
use declaration::{Search, load};

const HEAD: &str = "\
# Every key

A service is declared in `services/NAME.toml`. A template, `catalog/NAME.toml`, has the same tables, without `template`.
What all services of a machine share is in `preseed.toml`.

Files are looked up in `/etc/preseed`, `/run/preseed`, `/usr/local/lib/preseed` and `/usr/lib/preseed`. The first file of
a name wins, and a link to `/dev/null` masks it. Fragments, `services/NAME.toml.d/*.toml` and `preseed.toml.d/*.toml`, change
single keys. They are merged in the order of their names over all four directories; of one name the first directory's is
taken, and a link to `/dev/null` masks it. A fragment replaces a list as a whole, or adds to it by `ignore-extra` and
`exclude-extra`. A broken fragment keeps its service down. `preseedctl check` prints every mistake with file, line and column. An
unknown key is a mistake.

This page is made from `declaration/src/section/`: `BLESS=1 cargo test -p declaration --test keys` writes it anew.
";

#[test]
fn the_page_holds_just_the_keys_that_are_read() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/keys.md");
    let expected = written();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&page, &expected).unwrap();
    }
    let page = fs::read_to_string(page).unwrap_or_default();
    let differs: Vec<&str> = expected
        .lines()
        .filter(|line| !page.lines().any(|other| other == *line))
        .chain(
            page.lines()
                .filter(|line| !expected.lines().any(|other| other == *line)),
        )
        .collect();
    assert!(
        page == expected,
        "docs/keys.md is not what declaration/src/section says; with BLESS=1 it is written anew:\n{}",
        differs.join("\n")
    );
}

fn written() -> String {
    let mut page = HEAD.to_owned();
    for (title, file, tables) in [
        ("A service", "services/NAME.toml", of_a_service()),
        ("The machine", "preseed.toml", of_the_host()),
    ] {
        writeln!(page, "\n## {title}: `{file}`").unwrap();
        for table in tables {
            write_table(&mut page, &table);
        }
    }
    page
}

fn write_table(page: &mut String, table: &TableDoc) {
    let title = match table.header {
        "" => "Top level".to_owned(),
        header => format!("`{header}`"),
    };
    write!(page, "\n### {title}\n\n{}\n", table.about).unwrap();
    for key in &table.keys {
        let KeyDoc {
            name,
            type_name,
            default,
            about,
            example,
        } = key;
        write!(
            page,
            "\n#### `{name}`\n\n{about}\n\n- type: {type_name}\n- default: {default}\n- example: `{name} = {example}`\n"
        )
        .unwrap();
    }
}

const REPOSITORY: &str =
    "url = \"/srv/restic\"\npassword-file = \"/etc/preseed/secrets/nas-primary\"\n";
const POLICY: &str = "hourly = 1\ndaily = 1\n";
const REPLICA: &str = "parent = \"vault/services\"\n";
const DATASET: &str = "name = \"tank/services\"\n";

/// The name of the host's table that stands for all of its kind.
fn named(header: &str) -> String {
    header
        .replace("[repository.NAME]", "[repository.nas-primary]")
        .replace("[replica.NAME]", "[replica.vault]")
        .replace("[snapshot-policy.NAME]", "[snapshot-policy.own]")
        .replace("[dataset.NAME]", "[dataset.services]")
}

/// A table with a line, and with what else it must hold.
fn table(header: &str, key: &str, line: &str) -> String {
    let needed = match header {
        "[backup]" if key != "repository" => "repository = \"nas-primary\"\n",
        "[place.NAME]" if key != "mountpoint" => "mountpoint = \"covers\"\n",
        "[[preseed.verify]]" if key == "user" => "command = [\"/bin/true\"]\n",
        _ => "",
    };
    format!("{header}\n{needed}{line}\n")
}

/// Loads the service `sonarr` of a host with one more line: in the service's file, or in `preseed.toml`.
fn host(service: &str, host_file: &str) -> Host {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file: PathBuf = root.path().join("etc/preseed").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    let backup = if service.contains("[backup]") {
        ""
    } else {
        "[backup]\nrepository = \"nas-primary\"\n"
    };
    write("services/sonarr.toml", &format!("{service}\n{backup}"));
    let mut shared = host_file.to_owned();
    for (header, needed) in [
        ("[repository.nas-primary]", REPOSITORY),
        ("[replica.vault]", REPLICA),
        ("[snapshot-policy.own]", POLICY),
        ("[dataset.services]", DATASET),
    ] {
        if let Some((before, after)) = shared.split_once(&format!("{header}\n")) {
            let key = after.split(" =").next().unwrap();
            let missing = needed.lines().filter(|line| !line.starts_with(key));
            let missing: Vec<&str> = missing.collect();
            shared = format!("{before}{header}\n{}\n{after}", missing.join("\n"));
        } else {
            write!(shared, "{header}\n{needed}").unwrap();
        }
    }
    write("preseed.toml", &shared);
    write("catalog/sonarr.toml", "[dataset]\nrecordsize = \"16K\"\n");
    load(&Search::with_root(root.path()))
}

fn with(is_of_service: bool, header: &str, key: &str, value: &str) -> Host {
    let line = format!("{key} = {value}");
    if is_of_service {
        host(&table(header, key, &line), "")
    } else {
        host("", &format!("{}\n{line}\n", named(header)))
    }
}

fn each(mut look: impl FnMut(bool, &str, &KeyDoc)) {
    for (is_of_service, tables) in [(true, of_a_service()), (false, of_the_host())] {
        for table in tables {
            for key in &table.keys {
                look(is_of_service, table.header, key);
            }
        }
    }
}

#[test]
fn each_example_is_sound() {
    each(|is_of_service, header, key| {
        let loaded = with(is_of_service, header, key.name, key.example);
        let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert!(
            problems.is_empty(),
            "{header} {} = {}: {problems:?}",
            key.name,
            key.example
        );
    });
}

#[test]
fn each_default_is_what_holds_without_the_key() {
    let mut compared = 0;
    each(|is_of_service, header, key| {
        let default = key.default.strip_prefix('`');
        let Some(default) = default.and_then(|default| default.strip_suffix('`')) else {
            return;
        };
        let default = default
            .replace("<parent>", "\"rpool/safe/persist")
            .replace("<mount-base>", "\"/srv")
            .replace("<NAME>", "sonarr")
            .replace("<PLACE>", "NAME");
        let closing = if default.starts_with('"') && !default.ends_with('"') {
            "\""
        } else {
            ""
        };
        let shown = |host: &Host| {
            assert!(host.problems.is_empty(), "{:?}", host.problems);
            let shown = format!("{:?}", host.services);
            // Who says it is another.
            shown
                .replace("layer: Service", "layer: Default")
                .replace("layer: Host", "layer: Default")
        };
        let without = if is_of_service {
            host(&table(header, key.name, ""), "")
        } else {
            host("", "")
        };
        let declared = with(
            is_of_service,
            header,
            key.name,
            &format!("{default}{closing}"),
        );
        assert_eq!(shown(&declared), shown(&without), "{header} {}", key.name);
        compared += 1;
    });
    assert!(compared > 20, "{compared} defaults were compared");
}

/// Each key is read: a value of the wrong type is a problem.
#[test]
fn each_key_is_read() {
    each(|is_of_service, header, key| {
        let loaded = with(is_of_service, header, key.name, "1979-05-27");
        let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains(key.name) && !problem.contains("unknown key")),
            "{header} {}: {problems:?}",
            key.name
        );
    });
}
