//! The machine that is measured on.

use std::fs;
use std::num::NonZero;
use std::process::Command;
use std::thread;

use anyhow::Context as _;

use crate::process::succeed;
use product::binaries::workspace;

/// Prints what the machine is, which tree is measured, and when.
///
/// # Errors
/// The machine does not say.
pub(crate) fn print() -> anyhow::Result<()> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let date = words(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))?;
    let mut describe = Command::new("git");
    describe
        .args(["describe", "--always", "--dirty"])
        .current_dir(workspace());
    println!("# Figures\n\nPrinted by `cargo xtask bench`.\n");
    let rows = [
        ("date", date),
        ("tree", words(&mut describe).unwrap_or_default()),
        (
            "processor",
            format!("{}, {cores} cores", field("/proc/cpuinfo", "model name")?),
        ),
        ("memory", field("/proc/meminfo", "MemTotal")?),
        ("kernel", read("/proc/sys/kernel/osrelease")?),
        (
            "system",
            field("/etc/os-release", "PRETTY_NAME")?
                .trim_matches('"')
                .to_owned(),
        ),
        (
            "systemd",
            first_line(&words(Command::new("systemctl").arg("--version"))?),
        ),
    ];
    for (name, value) in rows {
        println!("- {name}: {value}");
    }
    println!();
    Ok(())
}

/// The load average of the last minute: above 0 at the start of a part, something else ran too.
///
/// # Errors
/// It cannot be read.
pub(crate) fn load() -> anyhow::Result<String> {
    let load = read("/proc/loadavg")?;
    Ok(load.split(' ').next().unwrap_or_default().to_owned())
}

fn read(path: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| path.to_owned())?;
    Ok(text.trim_end().to_owned())
}

/// What follows `name` and a `:` or `=` in a file's first such line.
fn field(path: &str, name: &str) -> anyhow::Result<String> {
    let text = read(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.with_context(|| format!("{path}: no {name}"))?;
    Ok(value.trim_start_matches([' ', '\t', ':', '=']).to_owned())
}

fn words(command: &mut Command) -> anyhow::Result<String> {
    let output = succeed(command)?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
