//! What many scenarios begin with. Where a boot is quick it is done once, on a machine that they all go on from.

use std::time::{Duration, Instant};

use crate::forge::Forge;
use crate::forge::prepared_machine::PreparedMachine;
use crate::scenario::Scenario;

/// First lines of scenarios, as they stand there. What they leave behind is on the disks; none of the services that
/// they declare still runs.
const OPENINGS: [&str; 2] = [
    "sonarr_with 'The Expanse'\n",
    "declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
",
];

/// Fewer scenarios take as long as preparing a machine for them.
const WORTH_IT: usize = 3;

/// The machines on which openings are done.
#[derive(Default)]
pub(crate) struct Openings {
    prepared: Vec<(&'static str, PreparedMachine)>,
    /// How long preparing them took, added up.
    pub(crate) time: Duration,
}

impl Openings {
    /// Prepares what enough of `scenarios` begin with. An opening that does not work is left to its scenarios, which
    /// tell why.
    pub(crate) fn prepare(forge: &Forge, scenarios: &[&Scenario]) -> Self {
        let is_worth_it = |opening: &&str| {
            let those = scenarios.iter().filter(|one| one.after(opening).is_some());
            those.count() >= WORTH_IT
        };
        let worth_it: Vec<&str> = OPENINGS.into_iter().filter(is_worth_it).collect();
        let prepared = forge.side_by_side(&worth_it, |opening| {
            let since = Instant::now();
            let prepared = forge.prepare("opening", opening);
            (*opening, prepared, since.elapsed())
        });
        let mut openings = Self::default();
        for (opening, prepared, time) in prepared {
            openings.time += time;
            match prepared {
                Ok(machine) => openings.prepared.push((opening, machine)),
                Err(error) => eprintln!("scenarios begin each by itself: {error:#}"),
            }
        }
        openings
    }

    /// The machine that `scenario` can begin on, and its first stage from there on.
    pub(crate) fn of(&self, scenario: &Scenario) -> Option<(&PreparedMachine, String)> {
        self.prepared
            .iter()
            .find_map(|(opening, machine)| Some((machine, scenario.after(opening)?)))
    }
}
