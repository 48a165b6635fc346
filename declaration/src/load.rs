//! All declarations of a host, and one of them.

use std::num::NonZero;
use std::path::Path;
use std::thread;

use crate::catalog::Catalog;
use crate::clash;
use crate::host_file::HostFile;
use crate::lookup::{DIRECTORIES, Entry, Search};
use crate::problem::Problem;
use crate::quote::{nearest, quoted};
use crate::service::{Declared, Shared};
use crate::settings::{Host, Service};
use crate::value::ServiceName;

/// How many files are worth a thread of their own.
const FILES_PER_THREAD: usize = 64;

/// Reads and validates every declaration of the host.
///
/// Never fails: what is wrong is in [`Host::problems`], and a service that something is wrong with
/// is in [`Host::broken`]. The same declarations give the same result, in the same order.
#[must_use]
pub fn load(search: &Search) -> Host {
    let listing = search.list("services");
    let shared = Shared {
        search,
        host: HostFile::load(search),
        catalog: Catalog::list(search),
    };
    let mut declared = read_all(&listing.entries, &shared);
    clash::find(&mut declared);

    let mut host = Host {
        problems: listing.problems,
        ..Host::default()
    };
    host.problems.extend(shared.host.all_problems().cloned());
    host.problems.extend(shared.catalog.all_problems().cloned());
    host.services.reserve_exact(declared.len());
    for declared in declared {
        match declared.into_settings() {
            Ok(service) => host.services.push(service),
            Err(mut broken) => {
                broken.problems.sort();
                broken.problems.dedup();
                host.problems.extend(broken.problems.iter().cloned());
                host.broken.push(broken);
            }
        }
    }
    host.problems.sort();
    host.problems.dedup();
    host
}

/// Reads and validates the service `name`, with all checks that [`load`] makes.
///
/// # Errors
/// Why the service cannot be used, never empty: the problems of its declaration; or where it was
/// looked for if it is not declared at all.
pub fn load_service(search: &Search, name: &str) -> Result<Service, Vec<Problem>> {
    let mut host = load(search);
    if let Some(index) = host
        .services
        .iter()
        .position(|service| service.name.as_str() == name)
    {
        return Ok(host.services.swap_remove(index));
    }
    if let Some(index) = host.broken.iter().position(|broken| broken.name == name) {
        return Err(host.broken.swap_remove(index).problems);
    }
    Err(not_declared(search, &host, name))
}

fn not_declared(search: &Search, host: &Host, name: &str) -> Vec<Problem> {
    let at = |file: &Path, what: String, cure: String| Problem {
        file: file.to_path_buf(),
        line: 1,
        column: 1,
        what,
        cure,
    };
    let directories = DIRECTORIES.map(|directory| Path::new(directory).join("services"));
    if let Err(invalid) = name.parse::<ServiceName>() {
        return vec![at(&directories[0], invalid.what, invalid.cure)];
    }
    let entries = search.list("services").entries;
    if let Some(masked) = entries.iter().find(|entry| entry.stem == name) {
        let what = format!("service {} is masked", quoted(name));
        return vec![at(
            &masked.file,
            what,
            "remove the link to /dev/null to declare it again".to_owned(),
        )];
    }
    let services = host.services.iter().map(|service| service.name.as_str());
    let names = services.chain(host.broken.iter().map(|broken| broken.name.as_str()));
    let file = directories[0].join(format!("{name}.toml"));
    let searched = directories
        .each_ref()
        .map(|directory| directory.display().to_string())
        .join(", ");
    let what = format!(
        "service {} is not declared in any of {searched}",
        quoted(name)
    );
    let cure = match nearest(name, names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("declare it in {}", file.display()),
    };
    let mut problems = vec![at(&file, what, cure)];
    // Its declaration may be where nothing could be read.
    let unlisted = host
        .problems
        .iter()
        .filter(|problem| directories.contains(&problem.file));
    problems.extend(unlisted.cloned());
    problems
}

/// Reads the files, many at a time, in their order; without the masked ones.
fn read_all(entries: &[Entry], shared: &Shared<'_>) -> Vec<Declared> {
    let read = |entries: &[Entry]| -> Vec<Declared> {
        entries
            .iter()
            .filter_map(|entry| Declared::read(entry, shared))
            .collect()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(entries.len() / FILES_PER_THREAD).max(1);
    let mut parts = entries.chunks(entries.len().div_ceil(threads).max(1));
    let own = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = parts
            .map(|part| {
                (
                    part,
                    thread::Builder::new().spawn_scoped(scope, move || read(part)),
                )
            })
            .collect();
        let mut declared = read(own);
        for (part, thread) in others {
            match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(read)) => declared.extend(read),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No thread to be had: read them here.
                Err(_) => declared.extend(read(part)),
            }
        }
        declared
    })
}
