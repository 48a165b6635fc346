//! A start of a service whose data is there.

use crate::guest::Measured;
use crate::programs::few_zfs_processes;
use crate::size::Size;
use crate::table::{Table, ms, times};
use vm::Vms;

const ROUNDS: usize = 15;

/// At most this many `zfs` processes.
const MOST_PROCESSES: usize = 2;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let rounds = size.rounds(ROUNDS);
    let measured = Measured::of(vms, "start.sh", &[], rounds)?;
    let list = measured.samples("list")?;
    println!("### A start of a service whose data is there\n");
    println!(
        "{rounds} rounds. Load average at the start: {}.\n",
        measured.load
    );
    let mut table = Table::new(["what", "median", "minimum", "times zfs list"]);
    for (name, what) in [
        ("helpers", "dataset-helper apply, preseed-helper run"),
        ("gets", "zfs get, twice: what the helpers ask, bare"),
        ("list", "zfs list -H -o name DATASET, bare"),
        ("unit", "systemctl start preseed-NAME: both units"),
    ] {
        let samples = measured.samples(name)?;
        table.row(&[
            what.to_owned(),
            ms(samples.median()),
            ms(samples.minimum()),
            times(samples.ratio(list).median()),
        ]);
    }
    println!("{table}");
    few_zfs_processes(&measured, "programs", "", MOST_PROCESSES)?;
    println!();
    Ok(())
}
