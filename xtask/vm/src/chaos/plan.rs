//! What is to be interrupted how often, and what the restores have met.

use std::time::{Duration, Instant};

/// What is interrupted how often.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Plan {
    /// How many power cuts
    #[arg(long, default_value_t = 200)]
    pub cuts: usize,
    /// How many times a helper, zfs or restic is killed with SIGKILL
    #[arg(long, default_value_t = 0)]
    pub kills: usize,
    /// What the moments are drawn from: the same ones for the same number
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only the restore of this number, again
    #[arg(long)]
    pub only: Option<usize>,
    /// Begin anew, also where an earlier run of this build has done some of it
    #[arg(long, conflicts_with = "only")]
    pub(super) anew: bool,
    /// End after this many minutes; the same command, without `--anew`, goes on from there
    #[arg(long)]
    minutes: Option<u64>,
}

impl Plan {
    /// When it is to end if it begins now.
    pub fn until(&self) -> Option<Instant> {
        let minutes = self.minutes?;
        Some(Instant::now() + Duration::from_secs(60 * minutes))
    }
}

/// What `cargo xtask test` does.
pub const SHORT: Plan = Plan {
    cuts: 24,
    kills: 5,
    seed: 1,
    only: None,
    // Each run of the test is a test.
    anew: true,
    minutes: None,
};

/// What the restores have met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) cuts: u64,
    /// Of the cuts, those at which what was not flushed was lost.
    pub(super) cuts_with_loss: u64,
    /// How much that was, in bytes.
    pub(super) unflushed: u64,
    pub(super) kills: u64,
    /// Of the kills, those that met something at work.
    pub(super) at_work: u64,
}
