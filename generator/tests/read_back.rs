//! Random declarations, through the generator, read back by systemd's own loader: what
//! `systemd-analyze` dumps of each unit is what was declared. The strict reader, which the fuzzer goes by,
//! reads the same.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;
mod machine;
mod meaning;
mod reader;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;

use case::generator;
use machine::Machine;
use proptest::prelude::*;

/// What one service declares, by what systemd has to read back.
#[derive(Debug, Clone)]
struct Declared {
    below: String,
    password_file: String,
    units: Vec<String>,
}

/// A path's component, likely to hold what means something in a unit file.
fn component() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        " ", "  ", "\\", "\\\\", "\"", "'", "%", "%i", "%%", "$", "${HOME}", ";", "#", "=", "[",
        "]", "-", "!", "|", "~", ":", "ü", "日", "\u{feff}", "\u{a0}", "\u{2028}", "\u{e000}",
        "\\n", "\\x2d", "\\ ", "\" \"",
    ]);
    let any = any::<char>().prop_filter_map("no part of a path that is written as it is", |c| {
        let code = u32::from(c);
        let noncharacter = (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE;
        (!c.is_control() && c != '/' && !noncharacter).then(|| c.to_string())
    });
    let piece = prop_oneof![3 => special.prop_map(str::to_owned), 1 => any, 1 => "[a-z]{1,4}"];
    prop::collection::vec(piece, 1..8)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("a component", |text| text != "." && text != "..")
}

fn declared() -> impl Strategy<Value = Declared> {
    // Without the colon, which systemd-analyze takes for `FILE:ALIAS`.
    let unit = prop::collection::vec(
        prop_oneof![
            Just("\\x20".to_owned()),
            Just("-".to_owned()),
            Just("\\".to_owned()),
            "[a-zA-Z0-9_.]{1,3}"
        ],
        1..6,
    );
    let units = prop::collection::vec(unit, 1..4);
    (component(), component(), units).prop_map(|(below, file, units)| Declared {
        below,
        password_file: format!("/etc/{}", file.replace([' ', '\\'], "_")),
        units: units.into_iter().map(|parts| parts.concat()).collect(),
    })
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out + "\""
}

/// The properties that systemd dumps, by unit: `name: value`.
fn dumped(text: &str) -> HashMap<String, Vec<String>> {
    let mut units: HashMap<String, Vec<String>> = HashMap::new();
    let mut unit = None;
    for line in text.lines() {
        // The arrow depends on the locale, and on the version.
        let heading = line.trim_start().trim_start_matches(['-', '>', '→']);
        if let Some(name) = heading.strip_prefix(" Unit ") {
            unit = Some(name.trim_end_matches(':').to_owned());
        } else if let Some(unit) = &unit {
            units
                .entry(unit.clone())
                .or_default()
                .push(line.trim_start_matches('\t').to_owned());
        }
    }
    units
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn systemd_reads_what_was_declared(services in prop::collection::vec(declared(), 1..40), zfs in any::<bool>()) {
        let machine = Machine::new();
        let directory = machine.root().join("etc/preseed/services");
        fs::create_dir_all(&directory).unwrap();
        let backend = if zfs { "zfs" } else { "directory" };
        let mut host = format!("[storage]\nbackend = \"{backend}\"\n");
        let mut services = services;
        for (number, service) in services.iter_mut().enumerate() {
            for (index, unit) in service.units.iter_mut().enumerate() {
                *unit = format!("u{number}-{index}-{unit}-.service");
            }
            let units: Vec<_> = service.units.iter().map(|unit| quoted(unit)).collect();
            let text = format!(
                "[dataset]\nmountpoint = {}\n[preseed]\nunit = [{}]\ntiers = [\"restic\"]\n[backup]\nrepository = \"r{number}\"\n",
                quoted(&mountpoint(number, service)),
                units.join(", "),
            );
            fs::write(directory.join(format!("s{number}.toml")), text).unwrap();
            write!(host, "[repository.r{number}]\nurl = \"/r\"\npassword-file = {}\n", quoted(&service.password_file)).unwrap();
        }
        fs::write(machine.root().join("etc/preseed/preseed.toml"), host).unwrap();
        let run = generator(machine.root()).arg(machine.generated()).output().unwrap();
        prop_assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

        meaning::check(&declaration::load(&declaration::Search::with_root(machine.root())));

        let names = machine.complete();
        let quiet = machine.analyze(names.clone(), "info");
        prop_assert!(quiet.status.success() && quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
        let dump = machine.analyze(names, "debug");
        let units = dumped(&String::from_utf8_lossy(&dump.stdout));
        let has = |unit: &str, line: &str| units.get(unit).is_some_and(|lines| lines.iter().any(|found| found == line));

        for (number, service) in services.iter().enumerate() {
            let (preseed, dataset) = (format!("preseed-s{number}.service"), format!("dataset-s{number}.service"));
            let mut expected = vec![
                (&preseed, format!("Source Path: /etc/preseed/services/s{number}.toml")),
                (&preseed, format!("Requires: {dataset} (origin-file)")),
                (&preseed, format!("Command Line: /usr/lib/preseed/preseed-helper run s{number}")),
                (&dataset, format!("Command Line: /usr/lib/preseed/dataset-helper apply s{number}")),
            ];
            for unit in &service.units {
                expected.push((&preseed, format!("Before: {unit} (origin-file destination-file)")));
                expected.push((unit, format!("Requires: {preseed} (origin-file)")));
                expected.push((unit, format!("Requires: {dataset} (origin-file)")));
                expected.push((unit, format!("After: {preseed} (origin-file destination-file)")));
                if zfs {
                    expected.push((unit, format!("AssertPathIsMountPoint: {} untested", mountpoint(number, service))));
                }
            }
            if !zfs {
                for unit in [&preseed, &dataset] {
                    expected.push((unit, format!("RequiresMountsFor: {} (origin-file)", mountpoint(number, service))));
                }
            }
            for (unit, line) in expected {
                prop_assert!(has(unit, &line), "{unit} lacks {line:?}:\n{:#?}", units.get(unit));
            }
        }
    }
}

fn mountpoint(number: usize, service: &Declared) -> String {
    format!("/srv/{number}/{}", service.below)
}
