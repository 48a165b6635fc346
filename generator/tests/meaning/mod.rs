//! What is written for a host means what its declarations say, read by the strict reader.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several tests and by the fuzzer"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use declaration::settings::{Broken, Host, Service, Storage};
use declaration::value::{TierName, UnitName};
use generator::entries;
use generator::tree::{EntryError, Tree};
use generator::unit_name::Names;

use crate::reader::{argument, directives, specifiers, words};

/// Keys whose values are the generator's own words, the same for every declaration of a kind.
const OWN_WORDS: [&str; 25] = [
    "CacheDirectory",
    "CacheDirectoryMode",
    "CapabilityBoundingSet",
    "DeviceAllow",
    "DevicePolicy",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "MemoryHigh",
    "MemoryMax",
    "NoNewPrivileges",
    "NotifyAccess",
    "OOMPolicy",
    "ProtectClock",
    "ProtectHostname",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "SetCredential",
    "Slice",
    "StartLimitIntervalSec",
    "SystemCallArchitectures",
    "SystemCallErrorNumber",
    "SystemCallFilter",
    "TimeoutStopSec",
    "Type",
];

/// Files and links by their path, in memory.
#[derive(Default)]
struct Written {
    files: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
}

impl Tree for Written {
    fn file(&mut self, path: &str, content: &str) -> Result<(), EntryError> {
        if self.files.contains_key(path) {
            return Err(EntryError::duplicate(path));
        }
        self.files.insert(path.to_owned(), content.to_owned());
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), EntryError> {
        if self.links.contains_key(path) {
            return Err(EntryError::duplicate(path));
        }
        self.links.insert(path.to_owned(), target.to_owned());
        Ok(())
    }
}

/// Writes all units of `host`, and checks what each says.
pub(crate) fn check(host: &Host) {
    let mut written = Written::default();
    let errors = entries::write(host, &mut written);
    for path in written.files.keys().chain(written.links.keys()) {
        let parts: Vec<_> = path.split('/').collect();
        assert!(
            parts.len() <= 2 && parts.iter().all(|part| is_name(part)),
            "{path:?}"
        );
    }
    let mut expected = BTreeSet::new();
    for service in &host.services {
        sound(service, &written, &mut expected);
    }
    // What two broken declarations would both be called is written for one of them, and told.
    let told = |path: &str| errors.iter().any(|error| error.path == path);
    for declaration in &host.broken {
        broken(declaration, &written, &mut expected, &told);
    }
    let found: BTreeSet<_> = written.files.keys().cloned().collect();
    assert_eq!(found, expected);
}

fn is_name(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 255
        && part != "."
        && part != ".."
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c))
}

/// The directives of one unit file.
struct Read(Vec<(String, String, String)>);

impl Read {
    fn new(text: &str) -> Self {
        let read = Self(directives(text));
        for (_, key, value) in &read.0 {
            assert!(!value.contains(char::is_control), "{key}={value:?}");
            if OWN_WORDS.contains(&key.as_str()) {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || " _-~@:*/.,%\\".contains(c);
                assert!(value.chars().all(is_plain), "{key}={value:?}");
                assert!(
                    !value.contains('%') || key.starts_with("Memory"),
                    "{key}={value:?}"
                );
            }
        }
        read
    }

    fn all(&self, wanted: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(section, key, _)| {
            wanted.split_once('.') == Some((section.as_str(), key.as_str()))
        });
        found.map(|(_, _, value)| value.as_str()).collect()
    }

    /// The value of a key that is there once, or not at all.
    fn one(&self, wanted: &str) -> Option<&str> {
        let all = self.all(wanted);
        assert!(all.len() <= 1, "{wanted} is there more than once: {all:?}");
        all.first().copied()
    }

    /// Checks that there is nothing but `keys` and the generator's own words.
    fn only(&self, keys: &[&str]) {
        for (section, key, value) in &self.0 {
            let full = format!("{section}.{key}");
            let is_known = keys.contains(&full.as_str()) || OWN_WORDS.contains(&key.as_str());
            assert!(is_known, "{full}={value}");
        }
    }

    fn path(&self, wanted: &str) -> Option<String> {
        Some(unguarded(&specifiers(self.one(wanted)?)))
    }

    fn units(&self, wanted: &str) -> Vec<&str> {
        self.one(wanted)
            .map_or_else(Vec::new, |value| value.split(' ').collect())
    }

    fn command(&self) -> Vec<String> {
        let words = words(self.one("Service.ExecStart").unwrap(), true);
        words.iter().map(|word| argument(word)).collect()
    }
}

/// Without the slash that keeps a path's end away from the line's.
fn unguarded(path: &str) -> String {
    match path.strip_suffix('/') {
        Some(inner) if inner.ends_with(['\\', ' ']) => inner.to_owned(),
        _ => path.to_owned(),
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn command(program: &str, verb: &str, name: &str) -> Vec<String> {
    let mut words = vec![format!("/usr/lib/preseed/{program}"), verb.to_owned()];
    if name.starts_with('-') {
        words.push("--".to_owned());
    }
    words.push(name.to_owned());
    words
}

fn names(units: &[UnitName]) -> Vec<&str> {
    units.iter().map(UnitName::as_str).collect()
}

fn sound(service: &Service, written: &Written, expected: &mut BTreeSet<String>) {
    let own = Names::of(service.name.as_str());
    expected.extend([own.dataset.clone(), own.preseed.clone()]);
    let dataset = dataset_unit(service, &own, written);
    let preseed = preseed_unit(service, &own, written);
    for unit in [&dataset, &preseed] {
        assert_eq!(unit.path("Unit.SourcePath"), Some(text(&service.source)));
        let mounts = unit
            .one("Unit.RequiresMountsFor")
            .map(|value| words(value, false));
        let directory = matches!(service.storage, Storage::Directory);
        assert_eq!(
            mounts.map(|words| words
                .iter()
                .map(|word| specifiers(word))
                .collect::<Vec<_>>()),
            directory.then(|| vec![text(&service.mountpoint)])
        );
    }
    drop_ins(service, &own, written, expected);
    wanted(written, "storage-datasets.target", &own.dataset);
    wanted(written, "storage-preseed.target", &own.preseed);
}

fn dataset_unit(service: &Service, own: &Names, written: &Written) -> Read {
    let dataset = Read::new(&written.files[&own.dataset]);
    dataset.only(&[
        "Unit.Description",
        "Unit.SourcePath",
        "Unit.After",
        "Unit.RequiresMountsFor",
        "Unit.Before",
        "Service.ExecStart",
    ]);
    assert_eq!(
        dataset.command(),
        command("dataset-helper", "apply", service.name.as_str())
    );
    assert_eq!(dataset.units("Unit.Before"), [own.preseed.as_str()]);
    dataset
}

fn preseed_unit(service: &Service, own: &Names, written: &Written) -> Read {
    let preseed = Read::new(&written.files[&own.preseed]);
    preseed.only(&[
        "Unit.Description",
        "Unit.SourcePath",
        "Unit.Requires",
        "Unit.After",
        "Unit.Before",
        "Unit.RequiresMountsFor",
        "Unit.Wants",
        "Service.ExecStart",
        "Service.LoadCredential",
    ]);
    assert_eq!(
        preseed.command(),
        command("preseed-helper", "run", service.name.as_str())
    );
    assert_eq!(preseed.units("Unit.Before"), names(&service.units));
    assert_eq!(preseed.units("Unit.Requires"), [own.dataset.as_str()]);
    assert_eq!(preseed.units("Unit.After"), [own.dataset.as_str()]);
    let wants = service.needs_network().then_some("network-online.target");
    assert_eq!(preseed.one("Unit.Wants"), wants);
    let mut secrets = Vec::new();
    if let Some(backup) = service
        .backup
        .as_ref()
        .filter(|_| service.tiers.contains(&TierName::Restic))
    {
        let repository = &backup.repository;
        secrets.push(format!(
            "repository-password:{}",
            text(&repository.password_file)
        ));
        let environment = repository.environment_file.as_deref();
        secrets.extend(environment.map(|file| format!("repository-environment:{}", text(file))));
    }
    let loaded = preseed.all("Service.LoadCredential");
    let loaded: Vec<_> = loaded
        .iter()
        .map(|value| unguarded(&specifiers(value)))
        .collect();
    assert_eq!(loaded, secrets);
    preseed
}

/// What the service's own units are given, so that they wait for the data.
fn drop_ins(service: &Service, own: &Names, written: &Written, expected: &mut BTreeSet<String>) {
    let ours = [own.dataset.as_str(), own.preseed.as_str()];
    for unit in &service.units {
        let path = format!("{unit}.d/{}", own.drop_in);
        let drop_in = Read::new(&written.files[&path]);
        drop_in.only(&["Unit.Requires", "Unit.After", "Unit.AssertPathIsMountPoint"]);
        assert_eq!(drop_in.units("Unit.Requires"), ours);
        assert_eq!(drop_in.units("Unit.After"), ours);
        let dataset = matches!(service.storage, Storage::Zfs(_));
        assert_eq!(
            drop_in.path("Unit.AssertPathIsMountPoint"),
            dataset.then(|| if service.mountpoint.is_own() {
                text(&service.mountpoint)
            } else {
                format!("/run/preseed/mountpoint/{}", service.name)
            })
        );
        expected.insert(path);
    }
}

fn broken(
    declaration: &Broken,
    written: &Written,
    expected: &mut BTreeSet<String>,
    told: &dyn Fn(&str) -> bool,
) {
    let own = Names::of(&declaration.name);
    expected.insert(own.preseed.clone());
    let preseed = Read::new(&written.files[&own.preseed]);
    if !told(&own.preseed) {
        preseed.only(&[
            "Unit.Description",
            "Unit.SourcePath",
            "Unit.Before",
            "Service.ExecStart",
        ]);
        assert_eq!(
            preseed.command(),
            command("preseed-helper", "run", &declaration.name)
        );
        let units: BTreeSet<_> = names(&declaration.units).into_iter().collect();
        let before: BTreeSet<_> = preseed.units("Unit.Before").into_iter().collect();
        assert_eq!(before, units);
    }
    for unit in &declaration.units {
        let path = format!("{unit}.d/{}", own.drop_in);
        let drop_in = Read::new(&written.files[&path]);
        if !told(&path) {
            drop_in.only(&["Unit.Requires", "Unit.After"]);
        }
        // Whoever wrote it: the unit waits for what is called so.
        assert!(
            drop_in
                .units("Unit.Requires")
                .contains(&own.preseed.as_str())
        );
        assert!(drop_in.units("Unit.After").contains(&own.preseed.as_str()));
        expected.insert(path);
    }
    wanted(written, "storage-preseed.target", &own.preseed);
}

fn wanted(written: &Written, target: &str, unit: &str) {
    let link = written.links.get(&format!("{target}.wants/{unit}"));
    assert_eq!(link, Some(&format!("../{unit}")));
}
