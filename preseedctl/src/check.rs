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
    let host = declaration::load(&Search::from_env());
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
