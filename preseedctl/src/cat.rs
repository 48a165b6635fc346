//! `preseedctl cat NAME`

use std::process::ExitCode;

use declaration::problem::Problem;
use declaration::source_files::SourceFile;
use declaration::{Search, source_files, visible};
use report::words;

use crate::say::print_raw;

/// Prints the files that make a service.
pub(crate) fn cat(name: &str) -> ExitCode {
    let all = match source_files::source_files(&Search::from_env(), name) {
        Ok(all) => all,
        Err(problems) => return refuse(&problems),
    };
    let mut exit = ExitCode::SUCCESS;
    for (index, file) in all.files.iter().enumerate() {
        if index > 0 {
            print_raw!("\n");
        }
        if !print(file) {
            exit = ExitCode::FAILURE;
        }
    }
    // After the files: what is printed may not be all, or not what an admin wrote.
    if all.problems.is_empty() {
        exit
    } else {
        refuse(&all.problems)
    }
}

/// Prints a file below its name, and gives whether it could be read.
pub(crate) fn print(file: &SourceFile) -> bool {
    print_raw!("# {}\n", visible(&file.path.to_string_lossy()));
    match &file.text {
        Ok(text) => {
            for line in text.lines() {
                // A tab is no line of somebody else's.
                let cells: Vec<String> = line.split('\t').map(visible).collect();
                print_raw!("{}\n", cells.join("\t"));
            }
            true
        }
        Err(problem) => {
            words::tell(&problem.to_string());
            false
        }
    }
}

/// Tells why there is nothing to print, or not all of it.
pub(crate) fn refuse(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        words::tell(&problem.to_string());
    }
    ExitCode::FAILURE
}
