//! All declarations of a host, and one of them.

use std::path::Path;

use crate::catalog::Catalog;
use crate::clash;
use crate::host_file::HostFile;
use crate::layer::Layer;
use crate::location::Location;
use crate::lookup::{DIRECTORIES, Entry, Search};
use crate::parallel::{self, PART};
use crate::problem::Problem;
use crate::quote::{nearest, quoted};
use crate::section::storage::Backend;
use crate::service_file::{Context, ServiceFile};
use crate::settings::{Host, Service, Storage, Utility};
use crate::utility;
use crate::value::{DatasetName, ServiceName};

/// Reads and validates every declaration of the host.
///
/// Never fails: what is wrong is in [`Host::problems`], and a service that something is wrong with
/// is in [`Host::broken`]. The same declarations give the same result, in the same order.
#[must_use]
pub fn load(search: &Search) -> Host {
    let listing = search.services();
    let context = Context {
        search,
        host: HostFile::load(search),
        catalog: Catalog::list(search),
    };
    let mut declared = read_all(&listing.entries, &context);
    clash::find(&mut declared);
    let (utilities, of_utilities) = utility::find(&context.host, &declared);

    let mut problems = listing.problems;
    problems.extend(context.host.all_problems().cloned());
    problems.extend(context.catalog.all_problems().cloned());
    problems.extend(of_utilities);
    let mut broken = Vec::new();
    let settings = declared.into_iter().map(ServiceFile::into_settings);
    let services =
        settings.filter_map(|settings| settings.map_err(|error| broken.push(error)).ok());
    let services: Vec<Service> = services.collect();
    for broken in &mut broken {
        broken.problems.sort();
        broken.problems.dedup();
        problems.extend(broken.problems.iter().cloned());
    }
    problems.sort();
    problems.dedup();
    let repositories = context.host.repositories.iter();
    let repositories = repositories.filter_map(|named| named.declared.as_ref().ok());
    Host {
        parents: parents(&context.host, &services),
        services,
        broken,
        repositories: repositories.cloned().collect(),
        utilities,
        problems,
    }
}

/// The datasets in which services' are made.
fn parents(host: &HostFile, services: &[Service]) -> Vec<DatasetName> {
    let mut parents = Vec::new();
    if host.storage.backend == Backend::Zfs && host.problems.is_empty() {
        parents.push(host.storage.parent.value.clone());
    }
    for service in services {
        if let Storage::Zfs(dataset) = &service.storage
            && dataset.parent.layer != Layer::Default
            && !parents.contains(&dataset.parent.value)
        {
            parents.push(dataset.parent.value.clone());
        }
    }
    parents
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

/// Reads and validates the dataset `name` that belongs to no service, with all checks that [`load`] makes; `None` if there
/// is none that is sound. Services are read only if the host declares one of that name.
#[must_use]
pub fn load_utility(search: &Search, name: &str) -> Option<Utility> {
    let declared = HostFile::load(search).utilities;
    if !declared.iter().any(|one| one.name == name) {
        return None;
    }
    let mut utilities = load(search).utilities.into_iter();
    utilities.find(|one| one.name.as_str() == name)
}

fn not_declared(search: &Search, host: &Host, name: &str) -> Vec<Problem> {
    let at = |file: &Path, what, help| Location::START.problem(file, what, help);
    let directories = DIRECTORIES.map(|directory| Path::new(directory).join("services"));
    if let Err(invalid) = name.parse::<ServiceName>() {
        return vec![at(&directories[0], invalid.what, invalid.help)];
    }
    let entries = search.services().entries;
    if let Some(masked) = entries.iter().find(|entry| entry.stem == name) {
        let what = format!("service {} is masked", quoted(name));
        return vec![at(
            &masked.file(),
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
    let help = match nearest(name, names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("declare it in {}", file.display()),
    };
    let mut problems = vec![at(&file, what, help)];
    // Its declaration may be where nothing could be read.
    let unlisted = host
        .problems
        .iter()
        .filter(|problem| directories.contains(&problem.file));
    problems.extend(unlisted.cloned());
    problems
}

/// Reads the files, many at a time, in their order; without the masked ones.
fn read_all(entries: &[Entry], context: &Context<'_>) -> Vec<ServiceFile> {
    // Each is put in its place: there may be many services, and each is large.
    let mut declared: Vec<Option<ServiceFile>> = entries.iter().map(|_| None).collect();
    let parts = entries.chunks(PART).zip(declared.chunks_mut(PART));
    parallel::for_each(parts, |(entries, declared)| {
        for (entry, declared) in entries.iter().zip(declared) {
            *declared = ServiceFile::read(entry, context);
        }
    });
    // A masked one leaves nothing.
    #[expect(
        clippy::filter_map_identity,
        reason = "this is done in location, flatten would copy every service"
    )]
    declared
        .into_iter()
        .filter_map(|declared| declared)
        .collect()
}
