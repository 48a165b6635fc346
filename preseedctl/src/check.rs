//! `preseedctl check`

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use declaration::problem::Problem;
use declaration::settings::Host;
use declaration::{Search, trust};

/// Prints every problem of every declaration, and of the secrets they name, to standard error, and how
/// many there are to standard output.
pub(crate) fn check() -> ExitCode {
    let search = Search::from_env();
    let host = declaration::load(&search);
    let mut problems = host.problems.clone();
    problems.extend(secrets(&host));
    for problem in &problems {
        eprintln!("{problem}");
    }
    for service in &host.services {
        let cannot_check = preseed_helper::verify::must_be_possible(service).err();
        for warning in storage::warning(service).into_iter().chain(cannot_check) {
            eprintln!("{}: warning: {warning}", service.source.display());
        }
    }
    if search.is_of_this_machine() {
        differences(&host);
    }
    let sound = host.services.len();
    if problems.is_empty() {
        println!("{sound} services, all declarations are sound");
        return ExitCode::SUCCESS;
    }
    println!(
        "{sound} services are sound, {} must not start; {} errors",
        host.broken.len(),
        problems.len()
    );
    ExitCode::FAILURE
}

/// Prints in what storage that is there differs from what a template or preseed.toml says: that is no error.
fn differences(host: &Host) {
    for service in &host.services {
        match storage::as_found::differences(service) {
            Ok(differences) => differences.iter().for_each(|line| println!("{line}")),
            // Declarations may be checked before there is a pool, or by somebody who may not ask.
            Err(error) => println!(
                "{}: whether its storage differs from what is declared cannot be told: {error}",
                service.name
            ),
        }
    }
}

/// What is wrong with the files that hold the repositories' secrets.
fn secrets(host: &Host) -> Vec<Problem> {
    let backups = host
        .services
        .iter()
        .filter_map(|service| service.backup.as_ref());
    let files = backups.flat_map(|backup| {
        let password = Some(&backup.repository.password_file);
        password
            .into_iter()
            .chain(&backup.repository.environment_file)
    });
    let files: BTreeSet<&Path> = files.map(AsRef::as_ref).collect();
    let problem = |file: &Path| {
        let invalid = trust::check(file).err()?;
        Some(Problem {
            file: file.to_path_buf(),
            line: 1,
            column: 1,
            what: invalid.what,
            cure: invalid.cure,
        })
    };
    files.into_iter().filter_map(problem).collect()
}
