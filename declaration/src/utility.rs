//! The datasets that belong to no service, checked against each other and against the services.

use std::path::Path;

use crate::host_file::HostFile;
use crate::location::{Files, Location};
use crate::problem::Problem;
use crate::quote::quoted;
use crate::service_file::ServiceFile;
use crate::settings::Utility;
use crate::value::{RESERVED, ServiceName};

/// Those that are sound, parents before children, and what is wrong with the others. It breaks no service.
pub(crate) fn find(host: &HostFile, services: &[ServiceFile]) -> (Vec<Utility>, Vec<Problem>) {
    let files = Files {
        declaration: &host.file,
        fragments: &host.fragments,
    };
    let mut problems = Vec::new();
    let mut sound: Vec<Utility> = Vec::new();
    for named in &host.utilities {
        let Ok(declared) = &named.declared else {
            continue;
        };
        let dataset = &declared.dataset;
        let utility = Utility {
            name: ServiceName(named.name.clone()),
            source: files.of(dataset.location).to_path_buf(),
            dataset: dataset.value.clone(),
            properties: declared.properties.clone(),
            lines: declared
                .locations
                .iter()
                .map(|(property, at)| (property.clone(), place(files, *at)))
                .collect(),
        };
        match refusal(&utility, services, &sound) {
            Some((what, help)) => problems.push(files.problem(dataset.location, what, help)),
            None => sound.push(utility),
        }
    }
    sound.sort_by(|a, b| a.dataset.as_str().cmp(b.dataset.as_str()));
    (sound, problems)
}

fn place(files: Files<'_>, at: Location) -> (std::path::PathBuf, usize, usize) {
    let file: &Path = files.of(at);
    (file.to_path_buf(), at.line as usize, at.column as usize)
}

/// Why a dataset cannot be one that belongs to no service, and what to do.
fn refusal(
    utility: &Utility,
    services: &[ServiceFile],
    others: &[Utility],
) -> Option<(String, String)> {
    let name = utility.dataset.as_str();
    let shown = quoted(name);
    if name.contains(RESERVED) || utility.dataset.last().starts_with("preseed:") {
        return Some((
            format!("dataset name {shown} is one of preseed's own"),
            "choose another name".to_owned(),
        ));
    }
    if let Some(other) = others.iter().find(|other| other.dataset == utility.dataset) {
        return Some((
            format!(
                "dataset {shown} is also that of {}",
                quoted(other.name.as_str())
            ),
            "declare it once".to_owned(),
        ));
    }
    for service in services {
        let by = quoted(service.name());
        if service.name() == utility.name.as_str() {
            return Some((
                format!("{by} is also the name of a service"),
                "call it otherwise: both would have one unit".to_owned(),
            ));
        }
        if service
            .part_names()
            .any(|(part, _)| part == utility.name.as_str())
        {
            return Some((
                format!(
                    "{} is also the name of a place of the service {by}",
                    quoted(utility.name.as_str())
                ),
                "call it otherwise: `preseedctl` would take one for the other".to_owned(),
            ));
        }
        let is_within = |dataset: &str| {
            let rest = name.strip_prefix(dataset);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut datasets = service.datasets();
        if datasets.any(|(dataset, _)| is_within(dataset)) {
            return Some((
                format!("dataset {shown} is, or lies in, that of the service {by}"),
                "move it: a restore replaces a dataset with all that is in it".to_owned(),
            ));
        }
    }
    None
}
