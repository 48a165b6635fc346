//! `preseedctl plan NAME`

use std::process::ExitCode;

use declaration::Search;
use report::logger;

/// Prints what a restore would do.
pub(crate) fn plan(name: &str) -> ExitCode {
    logger::init();
    let service = match declaration::load_service(&Search::from_env(), name) {
        Ok(service) => service,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            return ExitCode::FAILURE;
        }
    };
    match preseed_helper::plan::plan(&service) {
        Ok(plan) => {
            print!("{}", plan.text);
            if plan.starts {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
