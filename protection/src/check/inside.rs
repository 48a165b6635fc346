//! What a restore needs and that lies in the data which is to be restored: it is lost together with it.

use std::path::Path;

use declaration::settings::{Host, Repository, Service};

/// What of a service's repository lies in the data of a service of this machine, in words.
pub(super) fn of_repository(
    host: &Host,
    service: &Service,
    repository: &Repository,
) -> Vec<String> {
    let secrets = [
        Some(&repository.password_file),
        repository.environment_file.as_ref(),
    ];
    let mut told = Vec::new();
    for secret in secrets.into_iter().flatten() {
        if let Some(owner) = owner(host, secret) {
            let of = whose(owner, service);
            told.push(format!(
                "{} lies in {of}, and a restore needs it before that is there: move it, and keep a copy elsewhere",
                secret.display()
            ));
        }
    }
    let directory = repository.local_directory();
    if let Some(owner) = directory.and_then(|directory| owner(host, directory)) {
        let of = whose(owner, service);
        told.push(format!(
            "repository {} lies in {of}: move it to another disk",
            repository.name
        ));
    }
    told
}

fn whose(owner: &Service, service: &Service) -> String {
    if owner.of() == service.of() {
        "the data that it is a backup of".to_owned()
    } else {
        format!(
            "the data of {}, which may be lost together with it",
            owner.name
        )
    }
}

/// The service, or the place of one, in whose data a path lies, as it is written or where it leads.
fn owner<'a>(host: &'a Host, path: &Path) -> Option<&'a Service> {
    let real = path.canonicalize().ok();
    let parts = host.services.iter().flat_map(Service::parts);
    let mut holding = parts.filter(|part| {
        let mut paths = [Some(path), real.as_deref()].into_iter().flatten();
        part.is_restored() && paths.any(|path| path.starts_with(&*part.mountpoint))
    });
    holding.next()
}
