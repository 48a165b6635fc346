//! A scenario's file: bash, cut into stages by lines that start with `#: `.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};

/// A scenario, as its file says.
#[derive(Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The file's name without `.sh`: what the scenario shows.
    pub name: String,
    /// What its `# key: value` lines above the first stage say, in their order.
    headers: Vec<(String, String)>,
    /// At least one; the first starts from a fresh machine.
    pub stages: Vec<Stage>,
}

/// What is run on the machine in one go.
#[derive(Debug, PartialEq, Eq)]
pub struct Stage {
    /// How the machine comes to it.
    pub start: Start,
    /// Bash. Its lines carry the numbers they have in the scenario's file.
    pub script: String,
}

/// How the machine comes to a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is fresh.
    Fresh,
    /// It was shut down and booted again.
    Reboot,
    /// It was killed, and booted again from what its disks held.
    PowerCut,
}

impl Scenario {
    /// Reads `file`.
    ///
    /// # Errors
    /// It cannot be read, or a stage starts in a way that does not exist.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let place = || file.display().to_string();
        let text = fs::read_to_string(file).with_context(place)?;
        let name = file.file_stem().with_context(place)?.to_string_lossy();
        Self::parse(&name, &text).with_context(place)
    }

    /// Reads `text`, what the file of the scenario `name` holds.
    ///
    /// # Errors
    /// A stage starts in a way that does not exist.
    pub fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let mut headers = Vec::new();
        let mut stages = vec![Stage {
            start: Start::Fresh,
            script: String::new(),
        }];
        let mut at_the_top = true;
        for (index, line) in text.lines().enumerate() {
            at_the_top &= line.starts_with('#');
            if let Some(start) = line.strip_prefix("#: ") {
                stages.push(Stage {
                    start: match start.trim() {
                        "reboot" => Start::Reboot,
                        "power-cut" => Start::PowerCut,
                        other => {
                            bail!(
                                "line {}: `#: {other}`: write `#: reboot` or `#: power-cut`",
                                index + 1
                            )
                        }
                    },
                    script: "\n".repeat(index + 1),
                });
                at_the_top = false;
            } else if let Some(stage) = stages.last_mut() {
                writeln!(stage.script, "{line}")?;
            }
            if at_the_top
                && let Some((key, value)) = line.trim_start_matches('#').split_once(": ")
                && !key.trim().contains(' ')
            {
                headers.push((key.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Ok(Self {
            name: name.to_owned(),
            headers,
            stages,
        })
    }

    /// The value of the header `key`, if there is one.
    pub fn header(&self, key: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first stage without `opening`, whole lines of it, if it begins with that; its lines keep their numbers.
    pub fn after(&self, opening: &str) -> Option<String> {
        let script = &self.stages.first()?.script;
        let is_code = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        let above: usize = script
            .split_inclusive('\n')
            .take_while(|line| !is_code(line))
            .map(str::len)
            .sum();
        let (above, code) = script.split_at(above);
        let rest = code.strip_prefix(opening)?;
        let blank = "\n".repeat(opening.lines().count());
        Some([above, &blank, rest].concat())
    }
}

/// The scenarios in `directory`, sorted by name.
///
/// # Errors
/// A file cannot be read.
pub fn find(directory: &Path) -> anyhow::Result<Vec<Scenario>> {
    let place = || directory.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(place)? {
        files.push(entry.with_context(place)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sh"));
    files.sort();
    files.iter().map(|file| Scenario::read(file)).collect()
}

/// In an order in which those that take long are not begun last, when the other machines have nothing left to do.
pub fn longest_first(mut scenarios: Vec<Scenario>) -> Vec<Scenario> {
    /// How many lines take about as long as a boot.
    const BOOT: usize = 20;
    scenarios.sort_by_cached_key(|scenario| {
        let last = scenario.stages.last();
        let lines = last.map_or(0, |stage| stage.script.lines().count());
        Reverse(lines + BOOT * scenario.stages.len())
    });
    scenarios
}

/// Those of `scenarios` whose name holds one of `parts`; all, if there are none.
///
/// # Errors
/// No scenario's name holds a part.
pub fn select(mut scenarios: Vec<Scenario>, parts: &[String]) -> anyhow::Result<Vec<Scenario>> {
    for part in parts {
        if !scenarios
            .iter()
            .any(|scenario| scenario.name.contains(part))
        {
            bail!("no scenario {part}: see what is there with `ls tests/*/*.sh`");
        }
    }
    scenarios.retain(|scenario| {
        parts.is_empty() || parts.iter().any(|part| scenario.name.contains(part))
    });
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stages_keep_their_lines() {
        let scenario = Scenario::parse(
            "x",
            "# Shows this: and that.\n# also: vm\n\none\n#: reboot\n# no: header\ntwo\n#: power-cut\nthree\n",
        )
        .unwrap();
        assert_eq!(scenario.header("also"), Some("vm"));
        assert_eq!(scenario.header("no"), None);
        let stages: Vec<_> = scenario
            .stages
            .iter()
            .map(|stage| (stage.start, stage.script.as_str()))
            .collect();
        assert_eq!(
            stages,
            [
                (Start::Fresh, "# Shows this: and that.\n# also: vm\n\none\n"),
                (Start::Reboot, "\n\n\n\n\n# no: header\ntwo\n"),
                (Start::PowerCut, "\n\n\n\n\n\n\n\nthree\n"),
            ]
        );
    }

    #[test]
    fn what_comes_after_an_opening_keeps_its_lines() {
        let text = "# Shows this.\n\none 'x'\ntwo\nthree\n#: reboot\nfour\n";
        let scenario = Scenario::parse("x", text).unwrap();
        let after = |opening: &str| scenario.after(opening);
        assert_eq!(
            after("one 'x'\ntwo\n").as_deref(),
            Some("# Shows this.\n\n\n\nthree\n")
        );
        assert_eq!(after("two\n"), None);
        assert_eq!(after("one 'x'\nthree\n"), None);
    }

    #[test]
    fn the_longest_is_the_first() {
        let scenarios = [
            ("short", "one\n"),
            ("boots", "one\n#: reboot\ntwo\n"),
            ("long", &*"one\n".repeat(100)),
        ]
        .map(|(name, text)| Scenario::parse(name, text).unwrap());
        let names: Vec<String> = longest_first(scenarios.into())
            .into_iter()
            .map(|scenario| scenario.name)
            .collect();
        assert_eq!(names, ["long", "boots", "short"]);
    }

    #[test]
    fn an_unknown_start_is_refused() {
        let error = Scenario::parse("x", "one\n#: restart\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2: "), "{error}");
    }
}
