//! What only root may see is not there for anybody else: that must not be taken for "nothing".

use std::process::ExitCode;

use nix::unistd::geteuid;

use crate::words;

/// Tells that `command` needs root, and gives the exit status to end with; `None` if root runs it.
pub(crate) fn missing(command: &str) -> Option<ExitCode> {
    if geteuid().is_root() {
        return None;
    }
    words::tell(&format!(
        "{command}: this needs root, since only root sees all that services have: run it as root, e.g. with sudo"
    ));
    Some(ExitCode::FAILURE)
}
