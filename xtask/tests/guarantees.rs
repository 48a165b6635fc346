//! `docs/guarantees.md` and `docs/faults.md` name tests: they must exist.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The names in the second column of a page, and what runs them.
fn named(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(workspace().join("docs").join(page)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        Some((*columns.get(2)?, *columns.get(3)?))
    })
    .flat_map(|(names, with)| {
        names
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|name| (name.to_owned(), with.to_owned()))
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The text of all Rust sources below `directory`.
fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "target" {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// Whether a scenario of the container runs on ZFS as well.
fn runs_on_both(name: &str) -> bool {
    let scenario = workspace().join(format!("tests/container/{name}.sh"));
    fs::read_to_string(scenario).is_ok_and(|text| text.lines().any(|line| line == "# also: vm"))
}

#[test]
fn each_guarantee_and_each_fault_names_tests_that_exist() {
    let mut code = String::new();
    sources(workspace(), &mut code);
    let (guarantees, faults) = (named("guarantees.md"), named("faults.md"));
    for page in [&guarantees, &faults] {
        assert!(page.len() > 30, "{page:?}");
    }
    for (name, with) in guarantees.into_iter().chain(faults) {
        for with in with.split(", ") {
            let exists = match with {
                "vm" if runs_on_both(&name) => true,
                "vm" | "container" => workspace()
                    .join(format!("tests/{with}/{name}.sh"))
                    .is_file(),
                "vm cuts" => workspace()
                    .join(format!("tests/vm/cuts/{name}.sh"))
                    .is_file(),
                "cargo test" => code.contains(&format!("fn {name}(")),
                other => panic!("{other:?} runs nothing"),
            };
            assert!(exists, "{name}: no such test with {with}");
        }
    }
}
