//! What a virtual machine is made of and runs on: what the kinds of guest have in common.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::agent::{Agent, End};
use scenario::facts::Facts;

/// How long a boot may take, on a busy machine.
pub(crate) const BOOT: Duration = Duration::from_mins(5);

/// A kind of guest, built and cached. Machines of it are started here.
pub trait Guest: Sync + Send {
    /// What lines about its machines call them, e.g. `emulated Debian 13`.
    fn name(&self) -> &str;

    /// Another word for each build of the guest.
    fn key(&self) -> &str;

    /// How what its machines take compares with hardware, in a sentence.
    fn how_quick(&self) -> &str;

    /// What it has of what a scenario may need.
    fn facts(&self) -> &Facts;

    /// Whether its machines can be started with [`Unflushed::Lost`].
    fn can_lose_unflushed(&self) -> bool;

    /// Whether a boot takes less than what many scenarios begin with.
    fn boots_quickly(&self) -> bool;

    /// The files of the disks of a machine with this directory, absolute.
    fn disks_of(&self, directory: &Path) -> Vec<PathBuf>;

    /// How many of its machines keep this many processors busy.
    fn jobs(&self, processors: usize) -> usize;

    /// Prepares in the directory `to`, which is there, what fresh machines with the payload of `parts` begin from in
    /// less time: they look for it at [`Parts::unpacked`]. A guest may have no use for it.
    ///
    /// # Errors
    /// It cannot be prepared.
    fn unpack(&self, parts: &Parts<'_>, to: &Path) -> anyhow::Result<()>;

    /// Starts a machine. After [`Begin::PowerOn`] and [`Begin::Disks`] its boot goes on; else its agent answers.
    ///
    /// # Errors
    /// It does not start, or does not answer.
    fn start(&self, begin: Begin<'_>, parts: &Parts<'_>)
    -> anyhow::Result<(Box<dyn Power>, Agent)>;
}

/// What a machine is given.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// Where its disks and logs are, absolute. It is the machine's alone.
    pub directory: &'a Path,
    /// A raw disk of 256 MB that holds the current build.
    pub payload: &'a Path,
    /// What happens, when the power is cut, to what was written and not flushed.
    pub unflushed: Unflushed,
}

impl Parts<'_> {
    /// The directory, beside the payload, with what [`Guest::unpack`] has made of it. It may not be there.
    pub(crate) fn unpacked(&self) -> PathBuf {
        self.payload.with_extension("unpacked")
    }
}

/// What a power cut does to what a machine wrote to its disks and did not flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unflushed {
    /// It is on the disks, as if they had been quick enough.
    Kept,
    /// It is lost, as in a disk's own cache.
    Lost,
}

/// How a machine begins.
#[derive(Debug, Clone, Copy)]
pub enum Begin<'a> {
    /// From fresh disks: booted, pools `tank` and `vault` imported, the current build installed.
    Fresh,
    /// The same, to be kept in this directory with [`Power::keep`].
    ToKeep(&'a Path),
    /// From what [`Power::keep`] put into this directory.
    Kept(&'a Path),
    /// From copies of the disks in this directory, switched on: its boot goes on.
    Disks(&'a Path),
    /// From the disks that it had when it was switched off or its power was cut.
    PowerOn,
}

/// A machine's power. It is cut when this is dropped.
pub trait Power: Send {
    /// Waits for the machine to switch itself off.
    ///
    /// # Errors
    /// It ends in another way.
    fn wait(&mut self) -> anyhow::Result<()>;

    /// Cuts the power. Gives how many bytes are lost that were written and not flushed; 0 where they are kept.
    ///
    /// # Errors
    /// The machine cannot be killed.
    fn cut(&mut self) -> anyhow::Result<u64>;

    /// What the hypervisor has said, and the end of what the machine has.
    fn log(&self) -> String;

    /// Stops a machine that was started with [`Begin::ToKeep`], and puts what it is into the directory `to`
    /// that was named there, so that machines can be started from it.
    ///
    /// # Errors
    /// It cannot be stopped, or something cannot be written.
    fn keep(self: Box<Self>, agent: Agent, to: &Path) -> anyhow::Result<()>;
}

/// Runs what has to succeed. Gives its output.
///
/// # Errors
/// It does not, or the machine does not answer within `limit`.
pub(crate) fn check(
    agent: &mut Agent,
    power: &dyn Power,
    script: &str,
    limit: Duration,
) -> anyhow::Result<Vec<u8>> {
    let mut output = Vec::new();
    let end = agent
        .run(script, limit, &mut output)
        .with_context(|| power.log())?;
    if end == End::Exit(0) {
        return Ok(output);
    }
    bail!(
        "the machine is not well: {end:?}:\n{}\n{}",
        String::from_utf8_lossy(&output),
        power.log()
    )
}
