//! Everything that is tested, in one go.

use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::Context as _;

use crate::binaries::{Binaries, cargo};
use crate::container;
use crate::forge::{Forge, chaos, cuts};
use crate::scenario::Tally;

/// Runs the tests of the crates, the scenarios of the container and those of the forge. The last
/// line it prints is the sum: `N passed, M failed`. A part that cannot be run is one that failed.
pub(crate) fn run() -> ExitCode {
    let mut sum = Tally::default();
    for (name, part) in PARTS {
        println!("{name}:");
        match part() {
            Ok(tally) => sum += tally,
            Err(error) => {
                println!("FAILED {name}: {error:#}");
                sum.failed += 1;
            }
        }
    }
    println!("{sum}");
    if sum.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

type Part = fn() -> anyhow::Result<Tally>;

const PARTS: [(&str, Part); 4] = [
    ("tests of the crates", crates),
    ("scenarios in the container", container),
    ("scenarios in the forge", forge),
    ("interrupted restores in the forge", interrupted),
];

/// `cargo test`, as it prints itself.
fn crates() -> anyhow::Result<Tally> {
    container::require()?;
    let mut tests = cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo test")?;
    let mut tally = Tally::default();
    let output = tests.stdout.take().context("cargo test's output")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("cargo test's output")?;
        println!("{line}");
        if let Some(result) = of_one_binary(&line) {
            tally += result;
        }
    }
    let status = tests.wait().context("cargo test")?;
    if !status.success() && tally.failed == 0 {
        // It was not built, or died.
        tally.failed += 1;
    }
    Ok(tally)
}

/// The numbers in a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
fn of_one_binary(line: &str) -> Option<Tally> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |what: &str| {
        numbers
            .split("; ")
            .find_map(|part| part.strip_suffix(what)?.trim().parse().ok())
    };
    Some(Tally {
        passed: number("passed")?,
        failed: number("failed")?,
    })
}

fn container() -> anyhow::Result<Tally> {
    container::run_scenarios(&Binaries::build()?, &[])
}

fn forge() -> anyhow::Result<Tally> {
    Forge::open(&Binaries::build()?)?.run(&[], false)
}

/// The short version of `cargo xtask forge cuts` and `cargo xtask forge chaos`.
fn interrupted() -> anyhow::Result<Tally> {
    let forge = Forge::open(&Binaries::build_with_failpoints()?)?;
    let ways = forge.ways(&cuts::FEW_BEDS)?;
    let mut sum = cuts::short(&forge, &ways)?;
    sum += chaos::run(&forge, &ways, &chaos::SHORT);
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_one_binary_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let expected = Tally {
            passed: 12,
            failed: 3,
        };
        assert_eq!(of_one_binary(line), Some(expected));
        assert_eq!(of_one_binary("test a ... ok"), None);
    }
}
