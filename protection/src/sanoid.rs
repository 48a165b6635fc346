//! Sanoid with a configuration of preseed's own: it says which snapshots are due, and prunes.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use declaration::settings::Policy;
use storage::command::{Ended, command};
use storage::watched::run_within;
use storage::{Error, Result};

/// Its configuration, cache and locks: none of an admin's.
const DIRECTORY: &str = "/run/preseed/sanoid";

/// How long it may take.
const LIMIT: Duration = Duration::from_mins(30);

/// Where its defaults are, which it also looks for beside its configuration.
const DEFAULTS: [&str; 2] = [
    "/usr/share/sanoid/sanoid.defaults.conf",
    "/etc/sanoid/sanoid.defaults.conf",
];

/// What no policy says. A key that is left out would have a default of Sanoid's.
const FIXED: [(&str, &str); 14] = [
    ("recursive", "no"),
    ("process_children_only", "no"),
    ("skip_children", "no"),
    ("autosnap", "yes"),
    ("hourly_min", "0"),
    ("weekly_wday", "1"),
    ("weekly_hour", "23"),
    ("weekly_min", "30"),
    ("monthly_mday", "1"),
    ("monthly_hour", "0"),
    ("monthly_min", "0"),
    ("yearly_mon", "1"),
    ("yearly_mday", "1"),
    ("monitor", "no"),
];

/// The keys of what a policy has run. It has a value only where that is to be run.
const SCRIPTS: [&str; 3] = [
    "pre_snapshot_script",
    "post_snapshot_script",
    "pruning_script",
];

/// A dataset, and how its snapshots are taken and pruned.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) dataset: &'a str,
    pub(crate) policy: &'a Policy,
    /// Whether what is too old may go.
    pub(crate) prunes: bool,
    /// Whether the scripts of its policy are run: not if only is asked what is due.
    pub(crate) runs_scripts: bool,
}

/// The text of a sanoid.conf with these sections.
pub(crate) fn rendered(sections: &[Section<'_>]) -> String {
    let mut text = String::from("# Written by preseed from its declarations at each round.\n");
    for section in sections {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n[{}]", section.dataset);
        let _ = writeln!(
            text,
            "autoprune = {}",
            if section.prunes { "yes" } else { "no" }
        );
        for (key, value) in FIXED {
            let _ = writeln!(text, "{key} = {value}");
        }
        for key in SCRIPTS {
            let mut scripts = section.policy.scripts.iter();
            let script = scripts.find(|(name, _)| *name == key && section.runs_scripts);
            let script = script.map_or_else(String::new, |(_, path)| path.display().to_string());
            let _ = writeln!(text, "{key} = {script}");
        }
        let _ = writeln!(text, "yearly_hour = 0\nyearly_min = 0");
        for (key, value) in &section.policy.keys {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

/// A configuration that Sanoid has accepted.
#[derive(Debug)]
pub(crate) struct Configuration {
    directory: PathBuf,
}

/// Has Sanoid read these sections, and gives the snapshots that are due, by their whole names. The configuration then takes
/// the place of the last good one.
///
/// # Errors
/// When it refuses them, or cannot be run.
pub(crate) fn accept(sections: &[Section<'_>]) -> Result<(Configuration, Vec<String>)> {
    let new = write(&rendered(sections))?;
    let due = ask(&new, sections)?;
    let directory = Path::new(DIRECTORY).join("configuration");
    let replace = || -> std::io::Result<()> {
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&new, &directory)
    };
    replace().map_err(|error| refused(&directory, &error))?;
    Ok((Configuration { directory }, due))
}

/// What Sanoid would take of these sections by a configuration.
fn ask(configuration: &Path, sections: &[Section<'_>]) -> Result<Vec<String>> {
    let args = ["--take-snapshots", "--readonly", "--verbose"];
    let asked = run(configuration, &args)?;
    Ok(due(&asked.stdout, sections))
}

/// Has Sanoid itself take what is due of these sections, with their scripts. Gives what is due all the same, and what
/// Sanoid said.
///
/// # Errors
/// When it cannot be run or fails.
pub(crate) fn take(sections: &[Section<'_>]) -> Result<(Vec<String>, String)> {
    let new = write(&rendered(sections))?;
    let ended = run(&new, &["--take-snapshots"])?;
    Ok((ask(&new, sections)?, ended.stderr))
}

impl Configuration {
    /// Destroys what is too old of these sections, which are those that were accepted. What they prune may be another.
    ///
    /// # Errors
    /// When Sanoid cannot be run or fails.
    pub(crate) fn prune(&self, sections: &[Section<'_>]) -> Result<()> {
        let file = self.directory.join("sanoid.conf");
        fs::write(&file, rendered(sections)).map_err(|error| refused(&file, &error))?;
        // Without the second, Sanoid ends with 0 and prunes nothing of a dataset that any process of the machine names after
        // `zfs send` in its arguments. ZFS itself keeps what is being sent or received.
        run(&self.directory, &["--prune-snapshots", "--force-prune"]).map(drop)
    }
}

/// The snapshots of these datasets that Sanoid says it would take.
fn due(told: &str, sections: &[Section<'_>]) -> Vec<String> {
    let named = told
        .lines()
        .filter_map(|line| line.strip_prefix("taking snapshot "));
    let of_ours = named.filter(|name| {
        let (dataset, snapshot) = name.split_once('@').unwrap_or_default();
        let is_plain = snapshot
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_:-.".contains(c));
        is_plain && sections.iter().any(|section| section.dataset == dataset)
    });
    of_ours.map(str::to_owned).collect()
}

fn write(text: &str) -> Result<PathBuf> {
    let new = Path::new(DIRECTORY).join("new");
    let write = || -> std::io::Result<()> {
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for directory in ["/run/preseed", DIRECTORY] {
            let mode = if directory == DIRECTORY { 0o700 } else { 0o755 };
            match DirBuilder::new().mode(mode).create(directory) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        for name in ["new", "run"] {
            let path = Path::new(DIRECTORY).join(name);
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        }
        fs::write(new.join("sanoid.conf"), text)?;
        if let Some(defaults) = DEFAULTS.iter().find(|path| Path::new(path).is_file()) {
            fs::copy(defaults, new.join("sanoid.defaults.conf"))?;
        }
        Ok(())
    };
    write().map_err(|error| refused(&new, &error))?;
    Ok(new)
}

fn run(configuration: &Path, what: &[&str]) -> Result<Ended> {
    let directory = Path::new(DIRECTORY);
    // It would not see what was taken since it last looked: then it prunes too little. `--force-update` does not mend that, as
    // it looks too late; without a cache, it would look twice.
    match fs::remove_dir_all(directory.join("cache")) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(refused(directory, &error));
        }
        _ => {}
    }
    let cache = DirBuilder::new()
        .mode(0o700)
        .create(directory.join("cache"));
    cache.map_err(|error| refused(directory, &error))?;
    let mut args = vec![
        format!("--configdir={}", configuration.display()),
        format!("--cache-dir={}", directory.join("cache").display()),
        format!("--run-dir={}", directory.join("run").display()),
    ];
    args.extend(what.iter().map(|word| (*word).to_owned()));
    let mut sanoid = command("sanoid", args);
    // Its names are of that time, so that no change of the clock's summer and winter makes one twice.
    sanoid.env("TZ", "UTC");
    let ended = run_within(&mut sanoid, LIMIT)?;
    if ended.status.success() {
        return Ok(ended);
    }
    Err(ended.error(
        "sanoid",
        format!(
            "see {} for what it was given",
            configuration.join("sanoid.conf").display()
        ),
    ))
}

fn refused(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        path.to_string_lossy(),
        format!("cannot be written: {error}"),
        "see that /run is writable and has room",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            name: "short".to_owned(),
            keys: vec![("hourly", 2), ("monthly", 0)],
            scripts: vec![("pre_snapshot_script", PathBuf::from("/x/freeze"))],
        }
    }

    #[test]
    fn each_key_is_written_once_for_each_dataset() {
        let policy = policy();
        let section = |dataset, prunes| Section {
            dataset,
            policy: &policy,
            prunes,
            runs_scripts: prunes,
        };
        let text = rendered(&[section("tank/a", true), section("tank/b c", false)]);
        let (first, second) = text.split_once("\n[tank/b c]\n").unwrap_or_default();
        assert!(first.contains("\n[tank/a]\nautoprune = yes\n"), "{text}");
        assert!(second.starts_with("autoprune = no\n"), "{text}");
        assert!(
            first.contains("\npre_snapshot_script = /x/freeze\n"),
            "{text}"
        );
        assert!(second.contains("\npre_snapshot_script = \n"), "{text}");
        for key in [
            "hourly = 2",
            "monthly = 0",
            "recursive = no",
            "post_snapshot_script = ",
        ] {
            assert_eq!(
                text.matches(&format!("\n{key}\n")).count(),
                2,
                "{key}: {text}"
            );
        }
    }

    #[test]
    fn only_snapshots_of_our_datasets_are_due() {
        let policy = policy();
        let sections = [Section {
            dataset: "tank/a",
            policy: &policy,
            prunes: false,
            runs_scripts: false,
        }];
        let told = "INFO: cache expired\ntaking snapshot tank/a@autosnap_2026-11-26_17:00:00_hourly\n\
                    taking snapshot tank/b@autosnap_2026-11-26_17:00:00_hourly\ntaking snapshot tank/a@x;y\ntaking snapshot x\n";
        assert_eq!(
            due(told, &sections),
            ["tank/a@autosnap_2026-11-26_17:00:00_hourly"]
        );
    }
}
