//! The main job, shown: a story is a scenario that tells what it does.

mod telling;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Instant;

use self::telling::Telling;
use product::binaries::{Binaries, workspace};
use scenario::Scenario;
use vm::{Choice, Vms};

/// Tells the story of the directory backend in a container or, with `zfs`, of ZFS.
///
/// # Errors
/// Something is missing, or the machine of the story does not work.
pub(crate) fn run(zfs: bool, choice: Choice) -> anyhow::Result<ExitCode> {
    container::require()?;
    eprintln!("building preseed (only the first time takes long)");
    let built = Binaries::build()?;
    let story = |name: &str| Scenario::read(&workspace().join("tests/demo").join(name));
    let mut telling = Telling::new(io::stdout(), io::stdout().is_terminal());

    let (since, failed) = if zfs {
        let (vms, story) = (Vms::open(&built, choice.kind()?)?, story("zfs.sh")?);
        let since = Instant::now();
        (since, vm::scenarios::play(&vms, &story, &mut telling)?)
    } else {
        let story = story("directory.sh")?;
        let since = Instant::now();
        (since, container::play_alone(&built, &story, &mut telling)?)
    };
    telling.finish()?;
    if let Some(status) = failed {
        eprintln!("\nthe story did not go as told: its script ended with status {status}");
        return Ok(ExitCode::FAILURE);
    }
    println!(
        "\nAll of it in {:.1} s. The {} is gone, your machine is as it was.",
        since.elapsed().as_secs_f32(),
        if zfs { "virtual machine" } else { "container" },
    );
    Ok(ExitCode::SUCCESS)
}
