//! What is measured in the virtual machine, by the scripts in `tests/bench`.
//!
//! A script defines the functions `prepare` and either `round`, and perhaps `look`, or one for each boot. They say lines
//! `#sample NAME MICROSECONDS` and `#fact NAME TEXT`; `measure.sh` has what they say them with.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::machine;
use crate::samples::Samples;
use product::binaries::workspace;
use vm::{Machine, Vms};

/// How long a stage may take: some move a gigabyte several times, and the machine may be slow.
const STAGE: Duration = Duration::from_mins(30);

/// What the rounds of a script said.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    samples: BTreeMap<String, Samples>,
    facts: BTreeMap<String, String>,
    /// This machine's load average before it began.
    pub load: String,
}

impl Measured {
    /// Runs a script in a fresh machine: `prepare` once, `round` as often as told with `ROUND` set to its number,
    /// `look` once. `variables` are set for all of them.
    ///
    /// # Errors
    /// The script cannot be read or fails, or the machine does.
    pub(crate) fn of(
        vms: &Vms,
        script: &str,
        variables: &[(&str, u32)],
        rounds: usize,
    ) -> anyhow::Result<Self> {
        let variables: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        let text = variables.concat() + &text(script)?;
        let (mut measured, mut machine) = Self::prepare(vms, script, &text)?;
        for round in 1..=rounds {
            eprintln!("{script}: round {round} of {rounds}");
            let round = format!("{text}\nROUND={round}\nround\n");
            measured.stage(&mut machine, script, &round)?;
        }
        measured.stage(&mut machine, script, &format!("{text}\nlook\n"))?;
        Ok(measured)
    }

    /// Runs a script in a fresh machine: `prepare`, and each of these functions after a boot of its own.
    ///
    /// # Errors
    /// The script cannot be read or fails, or the machine does.
    pub(crate) fn of_boots(vms: &Vms, script: &str, functions: &[&str]) -> anyhow::Result<Self> {
        let text = text(script)?;
        let (mut measured, mut machine) = Self::prepare(vms, script, &text)?;
        for function in functions {
            eprintln!("{script}: {function}");
            machine.reboot()?;
            measured.stage(&mut machine, script, &format!("{text}\n{function}\n"))?;
        }
        Ok(measured)
    }

    fn prepare<'v>(vms: &'v Vms, script: &str, text: &str) -> anyhow::Result<(Self, Machine<'v>)> {
        let mut machine = vms.machine()?;
        let mut measured = Self {
            load: machine::load()?,
            ..Self::default()
        };
        eprintln!("{script}: prepare");
        measured.stage(&mut machine, script, &format!("{text}\nprepare\n"))?;
        Ok((measured, machine))
    }

    fn stage(&mut self, machine: &mut Machine<'_>, name: &str, text: &str) -> anyhow::Result<()> {
        let mut output = Vec::new();
        let status = machine.stage_within(STAGE, name, text, &mut output)?;
        let output = String::from_utf8_lossy(&output);
        if status != 0 {
            bail!("tests/bench/{name}: exit {status}:\n{output}");
        }
        output.lines().try_for_each(|line| self.line(line))
    }

    fn line(&mut self, line: &str) -> anyhow::Result<()> {
        if let Some(sample) = line.strip_prefix("#sample ") {
            let parsed = sample
                .split_once(' ')
                .and_then(|(name, micros)| Some((name, micros.parse().ok()?)));
            let (name, micros) = parsed.with_context(|| format!("no sample: {line}"))?;
            let samples = self.samples.entry(name.to_owned()).or_default();
            samples.add(Duration::from_micros(micros));
        } else if let Some((name, text)) = line
            .strip_prefix("#fact ")
            .and_then(|fact| fact.split_once(' '))
        {
            self.facts.insert(name.to_owned(), text.to_owned());
        }
        Ok(())
    }

    /// How long `name` took, each time.
    ///
    /// # Errors
    /// The script did not say.
    pub(crate) fn samples(&self, name: &str) -> anyhow::Result<&Samples> {
        let samples = self.samples.get(name);
        samples.with_context(|| format!("the script measured no {name}"))
    }

    /// What the script said of `name`.
    ///
    /// # Errors
    /// It said nothing.
    pub(crate) fn fact(&self, name: &str) -> anyhow::Result<&str> {
        let fact = self.facts.get(name).map(String::as_str);
        fact.with_context(|| format!("the script said nothing of {name}"))
    }
}

/// A script, with what all of them measure with before it.
fn text(script: &str) -> anyhow::Result<String> {
    let read = |file| {
        let path = workspace().join("tests/bench").join(file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    Ok(read("measure.sh")? + &read(script)?)
}

/// Prints what the virtual machine is.
///
/// # Errors
/// It does not start or say.
pub(crate) fn print(vms: &Vms) -> anyhow::Result<()> {
    let mut output = Vec::new();
    let versions = "uname -r; systemctl --version | head -1; zfs version | head -1; restic version";
    let status = vms.machine()?.run(versions, &mut output)?;
    if status != 0 {
        bail!("{versions}: exit {status}");
    }
    let output = String::from_utf8_lossy(&output);
    println!("## On ZFS\n");
    println!(
        "On the {} guest, with 2 GB: {}. {}\n",
        vms.name(),
        output.lines().collect::<Vec<_>>().join(", "),
        vms.how_quick()
    );
    Ok(())
}
