//! `systemd-analyze verify` accepts everything that is generated for each case of `tests/units`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;
mod machine;

use std::fmt::Write as _;
use std::fs;

use case::{Case, entries, generator};
use machine::Machine;

#[test]
fn systemd_has_nothing_to_say() {
    let mut failures = String::new();
    for case in Case::all() {
        let machine = Machine::new();
        case.plant(machine.root());
        generator(machine.root())
            .arg(machine.generated())
            .output()
            .unwrap();
        let mut units = machine.complete();
        units.extend(
            [
                "storage-datasets.target",
                "storage-preseed.target",
                "multi-user.target",
            ]
            .map(str::to_owned),
        );
        let verdict = machine.analyze(units.clone(), "info");
        if !verdict.status.success() || !verdict.stdout.is_empty() || !verdict.stderr.is_empty() {
            let _ = write!(
                failures,
                "case {}: {}\n{}{}{}\n",
                case.name,
                verdict.status,
                String::from_utf8_lossy(&verdict.stdout),
                String::from_utf8_lossy(&verdict.stderr),
                entries(&machine.generated()).concat(),
            );
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The test above is worth something only if a fault is noticed in every kind of file.
#[test]
fn systemd_notices_faults() {
    for (file, fault, complaint) in [
        (
            "preseed-x.service",
            "[Unit]\nNoSuch=1\n[Service]\nType=oneshot\nExecStart=/usr/lib/preseed/preseed-helper\n",
            "Unknown key",
        ),
        (
            "preseed-x.service",
            "[Service]\nType=oneshot\nExecStart=/usr/lib/preseed/none\n",
            "not executable",
        ),
        (
            "x.service.d/50-preseed-x.conf",
            "[Unit]\nNoSuch=1\n",
            "Unknown key",
        ),
        (
            "x.service.d/50-preseed-x.conf",
            "[Unit]\nRequires=preseed-none.service\n",
            "not found",
        ),
        (
            "x.service.d/50-preseed-x.conf",
            "[Unit]\nRequires=preseed-y.service\nBefore=preseed-y.service\n",
            "cycl",
        ),
    ] {
        let machine = Machine::new();
        let unit = "[Unit]\nBefore=x.service\n[Service]\nType=oneshot\nExecStart=/usr/lib/preseed/preseed-helper\n";
        fs::write(machine.generated().join("preseed-y.service"), unit).unwrap();
        let path = machine.generated().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, fault).unwrap();
        let verdict = machine.analyze(machine.complete(), "info");
        let said = String::from_utf8_lossy(&verdict.stderr);
        assert!(
            said.contains(complaint),
            "{file} with {fault:?}: expected {complaint:?}, got {said:?}"
        );
    }
}
