//! Programs of the machine that the tools run.

use std::process::Command;

use anyhow::{Context as _, bail};

/// Runs a command to its end. What it prints is shown only if it fails.
///
/// # Errors
/// It cannot be run, or fails.
pub fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| program.display().to_string())?;
    if !output.status.success() {
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        let lines: Vec<&str> = printed.lines().collect();
        let end = &lines[lines.len().saturating_sub(40)..];
        bail!("{command:?}: {}:\n{}", output.status, end.join("\n"));
    }
    Ok(())
}
