//! Boots of a machine with forty services of the catalog.

use crate::guest::Measured;
use crate::table::{Table, s, times};
use vm::Vms;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms) -> anyhow::Result<()> {
    let boots = ["with_data", "without_preseed", "destroyed"];
    let measured = Measured::of_boots(vms, "boot.sh", &boots)?;
    let bare = measured.samples("without-preseed")?;
    println!("### A boot with forty services of the catalog\n");
    println!(
        "The boot is over when systemd has nothing more to start. The memory is the most that all helpers together had \
         (`storage-preseed.slice`). One boot each. Load average at the start: {}.\n",
        measured.load
    );
    let mut table = Table::new(["boot", "seconds", "times without preseed", "memory"]);
    for (name, what) in [
        ("without-preseed", "without preseed"),
        ("with-data", "all forty have their data"),
        (
            "destroyed",
            "twenty were destroyed with their snapshots, and come back from a replica, or from restic",
        ),
    ] {
        let boot = measured.samples(name)?;
        let memory = match name {
            "without-preseed" => String::new(),
            _ => measured.fact(name)?.to_owned(),
        };
        table.row(&[
            what.to_owned(),
            s(boot.median()),
            times(boot.ratio(bare).median()),
            memory,
        ]);
    }
    println!("{table}");
    Ok(())
}
