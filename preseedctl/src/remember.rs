//! `preseedctl remember`

use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Service;
use report::words;
use restore::verdict::{Verdict, verdict};
use storage::{Result, as_found, lock, memory};

/// Remembers of each declared service, and of each of its places, whose data is there that it has data. One that cannot be looked at is told of; one
/// that another run is at work on is left to that run, which remembers it itself.
pub(crate) fn remember() -> ExitCode {
    let mut succeeded = true;
    let parts = declaration::load(&Search::from_env()).parts();
    for service in parts.into_iter().filter(Service::is_restored) {
        if let Err(error) = remember_one(&service) {
            words::tell(&format!("{}: {error}", service.name));
            succeeded = false;
        }
    }
    if succeeded {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn remember_one(service: &Service) -> Result<()> {
    let Some(_lock) = lock::try_lock(service)? else {
        return Ok(());
    };
    let found = as_found::whole(service)?;
    let storage = storage::open(&found);
    let observation = storage.observe()?;
    // Not by what lies there alone: that may be only what a package makes.
    let verdict = verdict(&observation, found.on_partial);
    if matches!(verdict, Verdict::Present | Verdict::Adopt) {
        memory::saw_data_and_pool(&found, storage.as_ref())?;
    }
    Ok(())
}
