//! What many scenarios begin with, done once for each run: the containers that go on from there have its files.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use scenario::Scenario;
use scenario::opening::Opening;

use crate::base::{Base, Left};
use crate::machine::{Boot, Machine};

/// What a machine left on which an opening was done.
#[derive(Debug)]
pub(crate) struct Opened {
    opening: Opening,
    base: Base,
    /// How long it took.
    pub time: Duration,
}

impl Opened {
    /// Does `opening` in a container of `base`, if several of `scenarios` begin with it. One that does not work is left to
    /// its scenarios, which tell why.
    pub(crate) fn prepare(base: &Base, opening: Opening, scenarios: &[&Scenario]) -> Option<Self> {
        let begun_with_it = |one: &&&Scenario| after(one, opening).is_some();
        scenarios.iter().filter(begun_with_it).nth(1)?;
        let since = Instant::now();
        match run(base, opening) {
            Ok(left) => Some(Self {
                opening,
                base: base.followed_by(opening.name, left),
                time: since.elapsed(),
            }),
            Err(error) => {
                eprintln!("scenarios begin each by itself: {error:#}");
                None
            }
        }
    }

    /// What `scenario` begins on, and its first stage from there on; `None` if it does not begin with this.
    pub(crate) fn of(&self, scenario: &Scenario) -> Option<(&Base, String)> {
        Some((&self.base, after(scenario, self.opening)?))
    }
}

/// The first stage of `scenario` after `opening`. None with real software has one: that lies in layers of its own.
fn after(scenario: &Scenario, opening: Opening) -> Option<String> {
    let is_plain = scenario.header("packages").is_none();
    is_plain.then(|| scenario.after(opening.lines)).flatten()
}

fn run(base: &Base, opening: Opening) -> anyhow::Result<Left> {
    let machine = Machine::new(base, opening.name)?;
    let mut output = Vec::new();
    let name = format!("{}.sh", opening.name);
    let status = machine.run(Boot::Whole, &name, opening.lines, false, &mut output)?;
    if status != 0 {
        let output = String::from_utf8_lossy(&output);
        bail!("{}: exit status {status}\n{output}", opening.name);
    }
    let left = base.work().join(opening.name);
    fs::create_dir(&left).with_context(|| left.display().to_string())?;
    machine.leave(&left)
}
