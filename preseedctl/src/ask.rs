//! Questions to the person at the terminal.

use std::io::{IsTerminal, Write, stdin, stdout};

use crate::say::print_raw;
use report::words;

/// Asks `question`, which is answered with yes or no. Where nobody is there to be asked, it is no: `otherwise` says
/// what to do then, e.g. `to forget sonarr all the same, add --yes`.
pub(crate) fn agrees(question: &str, otherwise: &str) -> bool {
    if !stdin().is_terminal() {
        words::tell(&format!("nobody is there to be asked: {otherwise}"));
        return false;
    }
    print_raw!("{question} [y/N] ");
    let mut answer = String::new();
    let read = stdout()
        .flush()
        .and_then(|()| stdin().read_line(&mut answer));
    let agrees = read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes");
    if !agrees {
        words::tell("nothing was changed");
    }
    agrees
}
