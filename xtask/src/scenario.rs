//! Scenarios: bash files below `tests/`, cut into stages by lines that start with `#: `.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::forge::Facts;

/// A scenario, as its file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    /// The file's name without `.sh`: what the scenario shows.
    pub(crate) name: String,
    /// What its `# key: value` lines above the first stage say, in their order.
    headers: Vec<(String, String)>,
    /// At least one; the first starts from a fresh machine.
    pub(crate) stages: Vec<Stage>,
}

/// What is run on the machine in one go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) start: Start,
    /// Bash. Its lines carry the numbers they have in the scenario's file.
    pub(crate) script: String,
}

/// How the machine comes to a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
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
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let place = || file.display().to_string();
        let text = fs::read_to_string(file).with_context(place)?;
        let name = file.file_stem().with_context(place)?.to_string_lossy();
        Self::parse(&name, &text).with_context(place)
    }

    pub(crate) fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
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
    pub(crate) fn header(&self, key: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first stage without `opening`, whole lines of it, if it begins with that; its lines keep their numbers.
    pub(crate) fn after(&self, opening: &str) -> Option<String> {
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
pub(crate) fn find(directory: &Path) -> anyhow::Result<Vec<Scenario>> {
    let place = || directory.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(place)? {
        files.push(entry.with_context(place)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sh"));
    files.sort();
    files.iter().map(|file| Scenario::read(file)).collect()
}

/// Those of `scenarios` whose name holds one of `parts`; all, if there are none.
///
/// # Errors
/// No scenario's name holds a part.
pub(crate) fn select(
    mut scenarios: Vec<Scenario>,
    parts: &[String],
) -> anyhow::Result<Vec<Scenario>> {
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

/// Those of `scenarios` that can pass on machines of a kind (the word for it) that have these `facts`, and how many
/// are left out. Each of those is told with the reason.
///
/// # Errors
/// What one needs cannot be read.
pub(crate) fn able<'a>(
    machine: &str,
    scenarios: &'a [Scenario],
    facts: &Facts,
) -> anyhow::Result<(Vec<&'a Scenario>, usize)> {
    let mut able = Vec::new();
    for scenario in scenarios {
        let lack = match scenario.header("needs") {
            Some(needs) => facts.lack(needs).with_context(|| scenario.name.clone())?,
            None => None,
        };
        match lack {
            Some(reason) => println!("skipped          {machine}: {}: {reason}", scenario.name),
            None => able.push(scenario),
        }
    }
    let skipped = scenarios.len() - able.len();
    Ok((able, skipped))
}

/// How many passed, how many did not, and how many were skipped. Prints as `N passed, M failed, K skipped`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    /// How long those took that were run on machines, added up.
    pub(crate) time: Duration,
}

impl Tally {
    /// The mean time of those that were run, in words.
    pub(crate) fn mean(&self) -> String {
        let count = self.passed + self.failed;
        let mean =
            self.time.as_secs_f64() / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX));
        format!("{count} in {mean:.1} s each")
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.time += other.time;
    }
}

/// What a scenario that failed had printed.
pub(crate) struct Failure {
    pub(crate) output: String,
}

/// The machines that something is run on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machines<'a> {
    /// The word for their kind.
    pub(crate) kind: &'a str,
    /// How many there are at a time.
    pub(crate) jobs: usize,
    /// From when on nothing is begun any more.
    pub(crate) until: Option<Instant>,
}

/// Runs `all` on machines, and prints a line for each, with its `name`, and, for those that fail, what they had
/// printed. A machine that does not work fails them. One job runs on the calling thread. What is not begun in time
/// is skipped.
pub(crate) fn run_each<T: Sync>(
    machines: Machines<'_>,
    all: &[T],
    name: impl Fn(&T) -> String + Sync,
    run: impl Fn(&T) -> anyhow::Result<Result<(), Failure>> + Sync,
) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let since = Instant::now();
            if machines.until.is_some_and(|until| since > until) {
                tally.lock().unwrap_or_else(PoisonError::into_inner).skipped += 1;
                continue;
            }
            let failure = match run(one) {
                Ok(Ok(())) => None,
                Ok(Err(failure)) => Some(failure.output),
                Err(error) => Some(format!("{error:#}\n")),
            };
            // One at a time prints, too.
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            *tally += print_result(machines.kind, &name(one), since.elapsed(), failure);
        }
    };
    thread::scope(|scope| {
        for _ in 1..machines.jobs {
            scope.spawn(work);
        }
        work();
    });
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if tally.skipped > 0 {
        let (kind, skipped) = (machines.kind, tally.skipped);
        println!(
            "skipped          {kind}: {skipped} of {}: no time left",
            all.len()
        );
    }
    tally
}

fn print_result(machine: &str, name: &str, time: Duration, failure: Option<String>) -> Tally {
    let seconds = time.as_secs_f32();
    let Some(output) = failure else {
        println!("ok     {seconds:5.1} s  {machine}: {name}");
        return Tally {
            passed: 1,
            time,
            ..Tally::default()
        };
    };
    println!("FAILED {seconds:5.1} s  {machine}: {name}");
    for line in output.lines() {
        println!("    {line}");
    }
    Tally {
        failed: 1,
        time,
        ..Tally::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stages_keep_their_lines() {
        let scenario = Scenario::parse(
            "x",
            "# Shows this: and that.\n# also: forge\n\none\n#: reboot\n# no: header\ntwo\n#: power-cut\nthree\n",
        )
        .unwrap();
        assert_eq!(scenario.header("also"), Some("forge"));
        assert_eq!(scenario.header("no"), None);
        let stages: Vec<_> = scenario
            .stages
            .iter()
            .map(|stage| (stage.start, stage.script.as_str()))
            .collect();
        assert_eq!(
            stages,
            [
                (
                    Start::Fresh,
                    "# Shows this: and that.\n# also: forge\n\none\n"
                ),
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
    fn an_unknown_start_is_refused() {
        let error = Scenario::parse("x", "one\n#: restart\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2: "), "{error}");
    }
}
