//! Starts of many services whose data is there: what a boot has to do at least.

use crate::guest::Measured;
use crate::table::{Table, s, times};
use vm::Vms;

const SERVICES: u32 = 300;

/// An even number: the helpers and the bare calls come first in turn.
const ROUNDS: usize = 2;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms) -> anyhow::Result<()> {
    let measured = Measured::of(vms, "many.sh", &[("SERVICES", SERVICES)], ROUNDS)?;
    let gets = measured.samples("gets")?;
    println!("### {SERVICES} starts with nothing to do\n");
    println!(
        "One after the other, {ROUNDS} rounds. Load average at the start: {}.\n",
        measured.load
    );
    let mut table = Table::new(["what", "median", "minimum", "times the bare calls"]);
    for (name, what) in [
        ("helpers", "dataset-helper apply, preseed-helper run"),
        ("parses", "of that: they begin, and read all declarations"),
        ("gets", "zfs get, bare, once for each"),
        ("listing", "zfs get, bare, one of all"),
    ] {
        let samples = measured.samples(name)?;
        table.row(&[
            what.to_owned(),
            s(samples.median()),
            s(samples.minimum()),
            times(samples.ratio(gets).median()),
        ]);
    }
    println!("{table}");
    Ok(())
}
