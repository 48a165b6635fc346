//! How much is measured, and how often.

use clap::Args;

/// What a part measures without these, it chooses itself.
#[derive(Args, Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    /// So many rounds: few to try a part out, an even number so that each of two comes first as often as the other
    #[arg(long)]
    rounds: Option<usize>,
    /// So much data, in MB, where it is large
    #[arg(long)]
    megabytes: Option<u32>,
    /// So many services, where there are many
    #[arg(long)]
    services: Option<u32>,
}

impl Size {
    /// The number of rounds, of a part that chooses `own`.
    pub(crate) fn rounds(self, own: usize) -> usize {
        self.rounds.unwrap_or(own)
    }

    /// The amount of data.
    pub(crate) fn megabytes(self, own: u32) -> u32 {
        self.megabytes.unwrap_or(own)
    }

    /// The number of services.
    pub(crate) fn services(self, own: u32) -> u32 {
        self.services.unwrap_or(own)
    }
}
