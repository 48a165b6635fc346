//! A root directory as systemd finds it on a machine with preseed installed, for `systemd-analyze --root`.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by several tests")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What systemd itself ships and generated units refer to.
const STANDARD: [&str; 14] = [
    "basic.target",
    "local-fs.target",
    "multi-user.target",
    "network-online.target",
    "paths.target",
    "remote-fs.target",
    "shutdown.target",
    "slices.target",
    "sockets.target",
    "swap.target",
    "sysinit.target",
    "timers.target",
    "umount.target",
    "graphical.target",
];

/// A root directory and, in it, the generator's output directory.
pub(crate) struct Machine {
    scratch: tempfile::TempDir,
}

impl Machine {
    /// A machine with systemd's targets, preseed's targets, and something at the helpers' places.
    pub(crate) fn new() -> Self {
        let machine = Self {
            scratch: crate::case::scratch(),
        };
        let units = machine.root().join("usr/lib/systemd/system");
        fs::create_dir_all(&units).unwrap();
        fs::create_dir_all(machine.generated()).unwrap();
        for name in STANDARD {
            fs::copy(
                Path::new("/usr/lib/systemd/system").join(name),
                units.join(name),
            )
            .unwrap();
        }
        for name in [
            "storage-datasets.target",
            "storage-preseed.target",
            "storage.slice",
            "storage-preseed.slice",
        ] {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../units")
                .join(name);
            fs::copy(shipped, units.join(name)).unwrap();
        }
        for name in ["dataset-helper", "preseed-helper", "protect-helper"] {
            machine.program(&format!("usr/lib/preseed/{name}"), "#!/bin/sh\nexit 1\n");
        }
        machine
    }

    pub(crate) fn root(&self) -> &Path {
        self.scratch.path()
    }

    /// Where the generator writes to.
    pub(crate) fn generated(&self) -> PathBuf {
        self.root().join("run/systemd/generator")
    }

    pub(crate) fn program(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Installs a plain unit for each one that has a generated drop-in, and gives the names of all
    /// generated units and of those.
    pub(crate) fn complete(&self) -> BTreeSet<String> {
        let mut units = BTreeSet::new();
        for entry in fs::read_dir(self.generated()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(unit) = name.strip_suffix(".d") {
                let text = match unit.rsplit_once('.').unwrap().1 {
                    "service" => "[Service]\nExecStart=/usr/lib/preseed/preseed-helper\n",
                    "timer" => "[Timer]\nOnBootSec=1h\nUnit=multi-user.target\n",
                    "target" => "[Unit]\nDescription=Test\n",
                    other => unreachable!("no unit of the kind {other} can wait for data"),
                };
                fs::write(self.root().join("usr/lib/systemd/system").join(unit), text).unwrap();
                units.insert(unit.to_owned());
            } else if name.strip_suffix(".wants").is_none() {
                units.insert(name);
            }
        }
        units
    }

    /// Lets systemd's own loader read `units`, with the generator's output as at a boot.
    pub(crate) fn analyze(
        &self,
        units: impl IntoIterator<Item = String>,
        log_level: &str,
    ) -> Output {
        Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(format!("--root={}", self.root().display()))
            .arg("--")
            .args(units)
            .env("SYSTEMD_UNIT_PATH", "/run/systemd/generator:")
            .env("SYSTEMD_LOG_LEVEL", log_level)
            .env("SYSTEMD_LOG_TARGET", "console")
            .output()
            .unwrap()
    }
}
