//! What the fuzzer started from, and what it has found: the units of each host are accepted by systemd
//! and read back as meant.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;
#[path = "../../declaration/tests/host/mod.rs"]
mod host;
mod machine;
mod meaning;
mod reader;

use std::fs;
use std::path::Path;

use case::generator;
use declaration::Search;
use machine::Machine;

#[test]
fn units_of_every_host() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/hosts");
    let mut count = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let machine = Machine::new();
        let bytes = fs::read(&path).unwrap();
        host::plant(machine.root(), &host::files(&bytes));
        generator(machine.root())
            .arg(machine.generated())
            .output()
            .unwrap();
        let mut units = machine.complete();
        // systemd-analyze takes a colon for `FILE:ALIAS`.
        units.retain(|unit| !unit.contains(':'));
        units.insert("storage-preseed.target".to_owned());
        let verdict = machine.analyze(units, "info");
        assert!(
            verdict.status.success() && verdict.stderr.is_empty(),
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&verdict.stderr)
        );
        meaning::check(&declaration::load(&Search::with_root(machine.root())));
        count += 1;
    }
    assert!(count > 0);
}
