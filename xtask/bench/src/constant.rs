//! Restores that do not depend on the amount of data: rollback and clone.

use crate::guest::Measured;
use crate::programs::few_zfs_processes;
use crate::size::Size;
use crate::table::{MOST_TIMES, Table, claim, s, times};
use vm::Vms;

/// An even number: small and large come first in turn.
const ROUNDS: usize = 8;

/// The amounts of data, in MB.
const SMALL: u32 = 10;
const LARGE: u32 = 1_000;

/// At most this many `zfs` processes of `preseed-helper run` for a clone (docs/decisions/zfs-calls.md).
const MOST_PROCESSES: usize = 16;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let (large, rounds) = (size.megabytes(LARGE), size.rounds(ROUNDS));
    let variables = [("SMALL", SMALL), ("LARGE", large)];
    let measured = Measured::of(vms, "constant.sh", &variables, rounds)?;
    println!("### Rollback and clone\n");
    println!(
        "`preseed-helper run`, and for the rollback the bare command, {rounds} times each. Load average \
         at the start: {}.\n",
        measured.load
    );
    let (of_small, of_large) = (format!("{SMALL} MB"), format!("{large} MB"));
    let mut table = Table::new([
        "what",
        &of_small,
        "from, to",
        &of_large,
        "from, to",
        "large : small",
    ]);
    let mut claims = Vec::new();
    for (name, what) in [
        ("rollback", "tier rollback"),
        ("bare", "zfs rollback, bare"),
        ("clone", "tier snapshot, by clone"),
    ] {
        let small = measured.samples(&format!("{name}-small"))?;
        let large = measured.samples(&format!("{name}-large"))?;
        let ratio = large.ratio(small).median();
        let range = |samples: &crate::samples::Samples| {
            format!("{:.2} … {}", samples.minimum(), s(samples.maximum()))
        };
        table.row(&[
            what.to_owned(),
            s(small.median()),
            range(small),
            s(large.median()),
            range(large),
            times(ratio),
        ]);
        if name != "bare" {
            claims.push((
                ratio <= MOST_TIMES,
                format!("{what}: at most {MOST_TIMES} times as long with {of_large}"),
                format!("{ratio:.3}"),
            ));
        }
    }
    println!("{table}");
    for (holds, what, measured) in claims {
        claim(holds, &what, &measured);
    }
    let fixed = "the fixed cost of a clone is ";
    few_zfs_processes(&measured, "clone", fixed, MOST_PROCESSES)?;
    println!("- a rollback starts {}", measured.fact("rollback")?);
    println!();
    Ok(())
}
