//! Many services whose data is there: their starts, which are what a boot has to do at least, and what tells of all of them.

use crate::guest::Measured;
use crate::size::Size;
use crate::table::{Table, s, times};
use vm::Vms;

const SERVICES: u32 = 300;

/// An even number: the helpers and the bare calls come first in turn.
const ROUNDS: usize = 2;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let (services, rounds) = (size.services(SERVICES), size.rounds(ROUNDS));
    let measured = Measured::of(vms, "many.sh", &[("SERVICES", services)], rounds)?;
    println!("### {services} starts with nothing to do\n");
    println!(
        "One after the other, {rounds} rounds. Load average at the start: {}.\n",
        measured.load
    );
    print(
        &measured,
        "gets",
        &[
            ("helpers", "dataset-helper apply, preseed-helper run"),
            ("parses", "of that: they begin, and read all declarations"),
            ("gets", "zfs get, bare, once for each"),
            ("listing", "zfs get, bare, one of all"),
        ],
    )?;
    println!("### {services} services at once\n");
    print(
        &measured,
        "list",
        &[
            ("status", "preseedctl status"),
            ("differences", "preseedctl diff"),
            ("list", "zfs list, bare, one of all"),
        ],
    )
}

/// A table of these, beside the one called `bare`.
fn print(measured: &Measured, bare: &str, rows: &[(&str, &str)]) -> anyhow::Result<()> {
    let bare = measured.samples(bare)?;
    let mut table = Table::new(["what", "median", "minimum", "times the bare calls"]);
    for (name, what) in rows {
        let samples = measured.samples(name)?;
        table.row(&[
            (*what).to_owned(),
            s(samples.median()),
            s(samples.minimum()),
            times(samples.ratio(bare).median()),
        ]);
    }
    println!("{table}");
    Ok(())
}
