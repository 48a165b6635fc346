//! `preseedctl check`

use std::process::ExitCode;

use declaration::Search;

/// Prints every problem of every declaration to standard error, and how many there are to standard output.
pub(crate) fn check() -> ExitCode {
    let host = declaration::load(&Search::from_env());
    for problem in &host.problems {
        eprintln!("{problem}");
    }
    let sound = host.services.len();
    if host.problems.is_empty() {
        println!("{sound} services, all declarations are sound");
        return ExitCode::SUCCESS;
    }
    println!(
        "{sound} services are sound, {} must not start; {} errors",
        host.broken.len(),
        host.problems.len()
    );
    ExitCode::FAILURE
}
