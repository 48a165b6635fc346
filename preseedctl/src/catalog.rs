//! `preseedctl catalog [NAME]`

use std::process::ExitCode;

use declaration::shelf::{self, Entry, Evidence};
use declaration::{Search, visible};
use report::words;

use crate::cat;
use crate::say::print_raw;

/// How wide a line is.
const WIDTH: usize = 80;

/// Prints all templates, one a line.
pub(crate) fn list() -> ExitCode {
    let (entries, mut problems) = shelf::entries(&Search::from_env());
    print_raw!("{}\n", line("TEMPLATE", "SEEN", "EMPTY", "OF"));
    for entry in entries {
        print_raw!("{}\n", as_line(&entry));
        problems.extend(entry.problems);
    }
    for problem in &problems {
        words::tell(&problem.to_string());
    }
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints one template, as it is.
pub(crate) fn show(name: &str) -> ExitCode {
    match shelf::source(&Search::from_env(), name) {
        Ok(file) if cat::print(&file) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err((what, help)) => {
            words::tell(&format!("{what}: {help}"));
            ExitCode::FAILURE
        }
    }
}

fn as_line(entry: &Entry) -> String {
    let seen = match entry.evidence {
        Evidence::Run => "run",
        Evidence::Documented => "documented",
        Evidence::Unsaid => "-",
    };
    let empty = if entry.may_start_empty { "yes" } else { "no" };
    line(&visible(&entry.name), seen, empty, &visible(&entry.about))
}

/// Four columns, the last one cut off where the line ends.
fn line(name: &str, seen: &str, empty: &str, about: &str) -> String {
    let line = format!("{name:15} {seen:10} {empty:5} {about}");
    if line.chars().count() <= WIDTH {
        return line;
    }
    let kept: String = line.chars().take(WIDTH - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_eighty_columns_at_most() {
        let short = line("sonarr", "documented", "no", "Sonarr.");
        assert_eq!(short, "sonarr          documented no    Sonarr.");
        let long = line(&"x".repeat(20), "run", "yes", &"für ".repeat(30));
        assert_eq!(long.chars().count(), WIDTH);
        assert!(long.ends_with('…'));
    }
}
