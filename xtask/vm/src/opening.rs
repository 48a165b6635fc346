//! What many scenarios begin with. Where a boot is quick it is done once for each build, on a machine that they all go
//! on from.

use std::time::{Duration, Instant};

use crate::Vms;
use crate::prepared_machine::PreparedMachine;
use scenario::Scenario;
use scenario::opening::{self, Opening};

const OPENINGS: [Opening; 2] = [opening::REPLICA, opening::SONARR];

/// The machines on which openings are done.
#[derive(Default)]
pub(crate) struct Openings {
    prepared: Vec<(Opening, PreparedMachine)>,
    /// How long preparing them took, added up.
    pub time: Duration,
}

impl Openings {
    /// Prepares what some of `scenarios` begin with, unless an earlier run with this build has done so. An opening that
    /// does not work is left to its scenarios, which tell why.
    pub(crate) fn prepare(vms: &Vms, scenarios: &[&Scenario]) -> Self {
        /// From how many fresh machines on it pays.
        const MANY: usize = 4;
        let is_fresh = |one: &&&Scenario| {
            let mut openings = OPENINGS.iter();
            openings.all(|opening| one.after(opening.lines).is_none())
        };
        let since = Instant::now();
        if scenarios.iter().filter(is_fresh).count() > MANY
            && let Err(error) = vms.unpack()
        {
            eprintln!("each fresh machine unpacks the build by itself: {error:#}");
        }
        let mut openings = Self {
            time: since.elapsed(),
            ..Self::default()
        };
        let is_begun_with = |opening: &Opening| {
            let mut scenarios = scenarios.iter();
            scenarios.any(|one| one.after(opening.lines).is_some())
        };
        let all: Vec<Opening> = OPENINGS.into_iter().filter(is_begun_with).collect();
        let prepared = vms.side_by_side(&all, |opening| {
            let since = Instant::now();
            let prepared = vms.prepare_to_keep(opening.name, opening.lines);
            (*opening, prepared, since.elapsed())
        });
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
            .find_map(|(opening, machine)| Some((machine, scenario.after(opening.lines)?)))
    }
}
