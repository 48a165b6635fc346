//! A backup to restic.

use crate::size::Size;
use crate::table::{MOST_TIMES, claim, s, times};
use crate::transfer::{self, Transfer};
use vm::Vms;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let transfer = Transfer {
        script: "backup.sh",
        title: "Backup",
        ours: "protect-helper backup",
        what: "a backup",
        bare: "restic backup",
        apart: Some("the question what a restore would take"),
        megabytes: 1000,
        rounds: 7,
    };
    let measured = transfer::measure(vms, size, &transfer)?;
    let processor = |which: &str| measured.samples(&format!("{which}-large-processor"));
    let (run, bare) = (processor("run")?, processor("bare")?);
    let ratio = run.minus(processor("verify")?).ratio(bare).median();
    claim(
        ratio <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times the processor seconds, without that question"),
        &format!(
            "{} ({} beside {} with it)",
            times(ratio),
            s(run.median()),
            s(bare.median())
        ),
    );
    println!();
    Ok(())
}
