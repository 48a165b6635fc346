//! The binaries of the current tree, built by cargo.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// Where the binaries of one build are, absolute.
#[derive(Debug)]
pub struct Binaries {
    /// The generator.
    pub generator: PathBuf,
    /// The helper that makes datasets.
    pub dataset_helper: PathBuf,
    /// The helper that restores.
    pub preseed_helper: PathBuf,
    /// The helper that protects.
    pub protect_helper: PathBuf,
    /// The command for people.
    pub preseedctl: PathBuf,
    /// The test service; never installed on a real machine.
    pub sonarr: PathBuf,
}

/// The line that cargo prints for each crate it has built.
#[derive(Deserialize)]
struct Artifact {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Binaries {
    /// Builds everything that runs on a machine, for release. Cargo's progress goes to standard error.
    ///
    /// # Errors
    /// The build fails, or cargo does not say where a binary is.
    pub fn build() -> anyhow::Result<Self> {
        Self::build_as(&["--release"])
    }

    /// The same with helpers that can be stopped at their steps, at places of their own; never
    /// installed on a real machine.
    ///
    /// # Errors
    /// As [`Binaries::build`].
    pub fn build_with_failpoints() -> anyhow::Result<Self> {
        Self::build_as(&[
            "--profile=failpoints",
            "--features=preseed-helper/failpoints,dataset-helper/failpoints,protect-helper/failpoints",
        ])
    }

    fn build_as(how: &[&str]) -> anyhow::Result<Self> {
        let mut built = build(
            cargo()
                .args([
                    "build",
                    "--workspace",
                    "--exclude=xtask",
                    "--exclude=sonarr",
                ])
                .args(how),
        )?;
        // Without libraries it also runs in a container that holds nothing else. The target is
        // named so that build scripts and macros are built as ever.
        let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
        built.extend(build(
            cargo()
                .args([
                    "build",
                    "--release",
                    "--package=sonarr",
                    "--target",
                    &target,
                ])
                .env("RUSTFLAGS", "-C target-feature=+crt-static"),
        )?);
        let mut take = |name: &str| {
            built
                .remove(name)
                .with_context(|| format!("cargo built no {name}"))
        };
        Ok(Self {
            generator: take("preseed-generator")?,
            dataset_helper: take("dataset-helper")?,
            preseed_helper: take("preseed-helper")?,
            protect_helper: take("protect-helper")?,
            preseedctl: take("preseedctl")?,
            sonarr: take("sonarr")?,
        })
    }
}

/// Runs a cargo command that builds binaries, and says where each is.
fn build(cargo: &mut Command) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let output = cargo
        .arg("--bins")
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cargo")?;
    if !output.status.success() {
        bail!("cargo build: {}", output.status);
    }
    executables(&String::from_utf8_lossy(&output.stdout))
}

/// The executables that cargo's messages name, by target.
///
/// # Errors
/// A line is no message of cargo's.
pub fn executables(messages: &str) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut executables = BTreeMap::new();
    for line in messages.lines() {
        let artifact: Artifact =
            serde_json::from_str(line).with_context(|| format!("cargo's message {line:?}"))?;
        if let (Some(target), Some(executable)) = (artifact.target, artifact.executable) {
            executables.insert(target.name, executable);
        }
    }
    Ok(executables)
}

/// The cargo that runs this program, in the workspace's root.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo
}

/// The workspace's root, absolute.
pub fn workspace() -> &'static Path {
    let product = Path::new(env!("CARGO_MANIFEST_DIR"));
    product.ancestors().nth(2).unwrap_or(product)
}
