//! How exposed the generated services are, by `systemd-analyze security`: printed, and no more than allowed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use case::{generator, scratch};

/// A declaration, one of its units, and the exposure it may have at most, in tenths.
/// Services that mount for the whole machine cannot come close to 0 (docs/decisions/units.md).
const UNITS: [(&str, &str, u32); 7] = [
    ("[dataset]", "dataset-zfs.service", 47),
    ("[dataset]", "preseed-zfs.service", 52),
    (
        "[backup]\nrepository = 'near'",
        "preseed-restic.service",
        52,
    ),
    ("[backup]\nrepository = 'far'", "preseed-remote.service", 55),
    (
        "[preseed]\nverify = [{ sqlite = 'x.db' }]",
        "preseed-sqlite.service",
        52,
    ),
    (
        "[preseed]\nverify = [{ command = ['/usr/bin/java'] }]",
        "preseed-command.service",
        80,
    ),
    ("not TOML", "preseed-broken.service", 38),
];

#[test]
fn exposure_is_bounded() {
    let directory = scratch();
    let etc = directory.path().join("etc/preseed");
    fs::create_dir_all(etc.join("services")).unwrap();
    fs::write(
        etc.join("preseed.toml"),
        "[repository.near]\nurl = '/r'\npassword-file = '/p'\n\
         [repository.far]\nurl = 'rest:https://nas-1/r'\npassword-file = '/p'\n",
    )
    .unwrap();
    for (declaration, unit, _) in UNITS {
        let (_, name) = unit.split_once('-').unwrap();
        let name = name.replace(".service", ".toml");
        fs::write(etc.join("services").join(name), declaration).unwrap();
    }
    let generated = directory.path().join("generated");
    fs::create_dir(&generated).unwrap();
    generator(directory.path())
        .arg(&generated)
        .output()
        .unwrap();

    let mut beyond = Vec::new();
    for (_, unit, most) in UNITS {
        let tenths = exposure(&generated.join(unit));
        let line = format!(
            "systemd-analyze security {unit}: {}.{}, at most {}.{}",
            tenths / 10,
            tenths % 10,
            most / 10,
            most % 10
        );
        // Past the test's own capture: the figures are part of the output.
        writeln!(std::io::stderr(), "{line}").unwrap();
        if tenths > most {
            beyond.push(line);
        }
    }
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
}

/// In tenths: 0 is best, 100 worst.
fn exposure(unit: &Path) -> u32 {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=yes", "--no-pager"]);
    let output = analyze.arg(unit).env("LC_ALL", "C").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}: {}\n{text}{}",
        unit.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let overall = text
        .lines()
        .find(|line| line.contains("Overall exposure"))
        .unwrap();
    let (_, figure) = overall.rsplit_once(": ").unwrap();
    let figure = figure.split(' ').next().unwrap();
    figure.replace('.', "").parse().unwrap()
}
