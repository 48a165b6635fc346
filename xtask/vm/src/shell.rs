//! A shell in a machine, on this process's terminal.

use std::io::{self, IsTerminal as _};
use std::process::{Command, Stdio};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use crate::agent::Agent;

/// Joins the terminal, or whatever standard input is, to a shell in the machine until it ends.
///
/// # Errors
/// The machine ends first.
pub(crate) fn run(agent: &mut Agent) -> anyhow::Result<()> {
    let size = size().unwrap_or_else(|| String::from("24 80"));
    let _raw = Raw::enter()?;
    agent.shell(&size, io::stdin(), &mut io::stdout())
}

/// The terminal's rows and columns, if standard input is one.
fn size() -> Option<String> {
    let stty = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .output();
    let output = stty.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The terminal's settings from before, which come back when this is dropped.
struct Raw(Option<Termios>);

impl Raw {
    fn enter() -> nix::Result<Self> {
        if !io::stdin().is_terminal() {
            return Ok(Self(None));
        }
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &raw)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // Nothing can be done about a terminal that is gone.
            tcsetattr(io::stdin(), SetArg::TCSANOW, before).ok();
        }
    }
}
