//! The main job, shown: a story is a scenario that tells what it does.

mod telling;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;

use self::telling::Telling;
use crate::binaries::{Binaries, workspace};
use crate::container;
use crate::scenario::Scenario;

/// Tells the story of the directory backend in a container or, with `zfs`, of ZFS.
///
/// # Errors
/// Something is missing, or the machine of the story does not work.
pub(crate) fn run(zfs: bool) -> anyhow::Result<ExitCode> {
    if zfs {
        bail!("the story of ZFS is not there yet: leave out --zfs");
    }
    container::require()?;
    eprintln!("building preseed (only the first time takes long)");
    let built = Binaries::build()?;

    let since = Instant::now();
    let story = Scenario::read(&workspace().join("tests/demo/directory.sh"))?;
    let mut telling = Telling::new(io::stdout(), io::stdout().is_terminal());
    let failed = container::play_alone(&built, &story, &mut telling)?;
    telling.finish()?;
    if let Some(status) = failed {
        eprintln!("\nthe story did not go as told: its script ended with status {status}");
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "\nAll of it in {:.1} s. The container is gone, your machine is as it was.",
        since.elapsed().as_secs_f32()
    );
    Ok(ExitCode::SUCCESS)
}
