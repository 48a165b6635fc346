//! What differs from the main branch, and what that can touch.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use product::binaries::{cargo, workspace};
use scenario::Scenario;

/// Below these, a change touches only scenarios whose text has one of these words. Below other code, all.
/// The first that fits a path counts.
const TOUCHES: &[(&str, &[&str])] = &[
    (
        "restore/src/source/restic",
        &["repository", "backup", "restic"],
    ),
    ("restore/src/tests", &[]),
    ("restore/src/verify", &["verify"]),
    ("restore/src/plan", &["preseedctl plan"]),
    ("restore/src/slots", &["parallel", "take_turns"]),
    ("restore/src/source/rollback", &["rollback"]),
    ("restore/src/source/receive", &["replica", "vault"]),
    ("preseedctl/", &["preseedctl"]),
    ("report/", &["journal", "status"]),
    ("storage/src/zfs", &["zfs ", "$DATASET", "replicate"]),
    ("storage/src/replaced", &["kept"]),
    ("storage/src/kept", &["kept"]),
    ("declaration/tests", &[]),
    ("generator/tests", &[]),
    ("xtask/", &[]),
    ("fuzz/", &[]),
    ("docs/", &[]),
    ("tests/units", &[]),
    ("tests/bench", &[]),
    ("tests/demo", &[]),
    ("tests/vm/cuts", &[]),
    ("tests/container/", &[]),
    ("tests/vm/", &[]),
];

/// What the working tree has that the commit does not have where its branch left the main branch.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Paths from the workspace's root.
    files: BTreeSet<String>,
}

impl Change {
    /// The change, uncommitted and untracked files included.
    ///
    /// # Errors
    /// This is no checkout of git, or git fails.
    pub(crate) fn since_main() -> anyhow::Result<Self> {
        let base = ["main", "origin/main"]
            .iter()
            .find_map(|main| git(&["merge-base", "HEAD", main]).ok())
            .context("there is no branch `main` to compare with")?;
        let mut files = BTreeSet::new();
        for list in [
            git(&["diff", "--name-only", "-z", base.trim()])?,
            git(&["ls-files", "--others", "--exclude-standard", "-z"])?,
        ] {
            files.extend(
                list.split('\0')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
            );
        }
        Ok(Self { files })
    }

    /// Whether it has the file of a scenario.
    pub(crate) fn has(&self, scenario: &Scenario) -> bool {
        ["vm", "container"].iter().any(|directory| {
            let file = format!("tests/{directory}/{}.sh", scenario.name);
            self.files.contains(&file)
        })
    }

    /// Whether it can touch what a scenario shows.
    pub(crate) fn touches(&self, scenario: &Scenario) -> bool {
        let has = |word: &str| {
            scenario.name.contains(word)
                || scenario
                    .stages
                    .iter()
                    .any(|stage| stage.script.contains(word))
        };
        self.has(scenario)
            || self.files.iter().any(|file| {
                match TOUCHES.iter().find(|(prefix, _)| file.starts_with(prefix)) {
                    Some((_, words)) => words.iter().any(|word| has(word)),
                    None => is_code(file),
                }
            })
    }

    /// Whether it can touch what is cut: what a helper does to the machine.
    pub(crate) fn touches_restores(&self) -> bool {
        const RESTORES: [&str; 5] = [
            "storage/src",
            "restore/src",
            "protection/src",
            "dataset-helper/src",
            "tests/vm/cuts",
        ];
        self.files
            .iter()
            .any(|file| RESTORES.iter().any(|prefix| file.starts_with(prefix)))
    }

    /// The crates whose tests it can touch: those it changes, and all that use them.
    ///
    /// # Errors
    /// cargo does not say what there is.
    pub(crate) fn crates(&self) -> anyhow::Result<BTreeSet<String>> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version=1"])
            .output()
            .context("cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata: {}", output.status);
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cargo metadata's answer")?;
        Ok(self.crates_among(&metadata.packages))
    }

    fn crates_among(&self, packages: &[Package]) -> BTreeSet<String> {
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut touched: Vec<&str> = Vec::new();
        for package in packages {
            for dependency in &package.dependencies {
                users
                    .entry(&dependency.name)
                    .or_default()
                    .push(&package.name);
            }
            let directory = package
                .manifest_path
                .strip_suffix("Cargo.toml")
                .unwrap_or(&package.manifest_path);
            let root = format!("{}/", workspace().display());
            let below = directory.strip_prefix(&root).unwrap_or(directory);
            // The tests of a crate read files that lie elsewhere.
            let reads: &[&str] = match package.name.as_str() {
                "generator" => &["tests/units/", "units/", "fuzz/"],
                "declaration" => &["units/catalog", "fuzz/"],
                "report" => &["units/"],
                "xtask" => &["docs/", "tests/"],
                _ => &[],
            };
            let is_touched = |file: &String| {
                file.starts_with(below)
                    || reads.iter().any(|prefix| file.starts_with(prefix))
                    || file == "Cargo.toml"
                    || file == "Cargo.lock"
            };
            if self.files.iter().any(is_touched) {
                touched.push(&package.name);
            }
        }
        let mut all = BTreeSet::new();
        while let Some(name) = touched.pop() {
            if all.insert(name.to_owned()) {
                touched.extend(users.get(name).into_iter().flatten());
            }
        }
        all
    }
}

/// Whether a path is of what is built or installed.
fn is_code(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let text = [".md", ".txt"].iter().any(|ending| name.ends_with(ending));
    !(text || name.starts_with("LICENSE") || name == ".gitignore")
}

/// How many commits there are up to this one: what is tested in turn goes by it. 0 without git.
pub(crate) fn number_of_commits() -> usize {
    git(&["rev-list", "--count", "HEAD"])
        .ok()
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

fn git(args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(args)
        .current_dir(workspace())
        .output()
        .context("git")?;
    if !output.status.success() {
        bail!(
            "git {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn change(files: &[&str]) -> Change {
        Change {
            files: files.iter().map(|file| (*file).to_owned()).collect(),
        }
    }

    fn scenario(name: &str, text: &str) -> Scenario {
        Scenario::parse(name, text).unwrap()
    }

    #[test]
    fn a_change_touches_the_scenarios_that_speak_of_it() {
        let verifying = scenario("one", "declare_sonarr 'verify = []'\n");
        let other = scenario("other", "zfs destroy x\n");
        let verify = change(&["restore/src/verify/sqlite.rs"]);
        assert!(verify.touches(&verifying) && !verify.touches(&other));
        let everywhere = change(&["storage/src/lib.rs"]);
        assert!(everywhere.touches(&verifying) && everywhere.touches(&other));
        let prose = change(&["README.md", "docs/figures.md"]);
        assert!(!prose.touches(&verifying) && !prose.touches_restores());
        assert!(change(&["tests/vm/other.sh"]).touches(&other));
    }

    #[test]
    fn the_crates_that_use_a_changed_one_are_tested_too() {
        let package = |name: &str, uses: &[&str]| Package {
            name: name.to_owned(),
            manifest_path: format!("{}/{name}/Cargo.toml", workspace().display()),
            dependencies: uses
                .iter()
                .map(|name| Dependency {
                    name: (*name).to_owned(),
                })
                .collect(),
        };
        let packages = [
            package("declaration", &[]),
            package("storage", &["declaration"]),
            package("preseedctl", &["storage"]),
            package("report", &[]),
        ];
        let crates = change(&["storage/src/lib.rs"]).crates_among(&packages);
        let expected = ["preseedctl", "storage"].map(str::to_owned);
        assert_eq!(crates, BTreeSet::from(expected));
    }
}
