//! Restores that move the data once: receive and restic.

use crate::guest::Measured;
use crate::table::{Table, claim, s, times};
use vm::Vms;

/// At most this many times the bare commands.
const MOST_TIMES: f64 = 1.05;

/// An even number: each of the two comes first as often as the other. One round alone is off by several hundredths.
const ROUNDS: usize = 6;

/// One kind of restore, and the bare commands beside it.
struct Transfer {
    script: &'static str,
    title: &'static str,
    bare: &'static str,
    /// Incompressible data, in MB: as much as takes the bare command half a minute or more in the virtual machine.
    megabytes: u32,
}

/// Measures and prints receives.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn receive(vms: &Vms) -> anyhow::Result<()> {
    measure(
        vms,
        &Transfer {
            script: "receive.sh",
            title: "Receive",
            bare: "zfs send -Lc to zfs receive",
            megabytes: 2000,
        },
    )
}

/// Measures and prints restores from restic.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn restic(vms: &Vms) -> anyhow::Result<()> {
    measure(
        vms,
        &Transfer {
            script: "restic.sh",
            title: "restic",
            bare: "restic restore --target",
            megabytes: 1000,
        },
    )
}

fn measure(vms: &Vms, transfer: &Transfer) -> anyhow::Result<()> {
    let Transfer {
        script,
        title,
        bare,
        megabytes,
    } = *transfer;
    let measured = Measured::of(vms, script, &[("LARGE", megabytes)], ROUNDS)?;
    println!("### {title}\n");
    println!(
        "Incompressible data, {ROUNDS} rounds, both tools in turn, caches dropped before each, until \
         the data is on disk. With almost no data (64 KB) all is fixed cost. Load average at the \
         start: {}.\n",
        measured.load
    );
    let mut table = Table::new([
        "what",
        "64 KB",
        &format!("{megabytes} MB"),
        "the data alone",
    ]);
    let samples = |name: &str| measured.samples(name);
    let (run_tiny, run_large) = (samples("run-tiny")?, samples("run-large")?);
    let (bare_tiny, bare_large) = (samples("bare-tiny")?, samples("bare-large")?);
    let (run_data, bare_data) = (run_large.minus(run_tiny), bare_large.minus(bare_tiny));
    for (what, tiny, large, data) in [
        ("preseed-helper run", run_tiny, run_large, &run_data),
        (bare, bare_tiny, bare_large, &bare_data),
    ] {
        table.row(&[
            what.to_owned(),
            s(tiny.median()),
            s(large.median()),
            s(data.median()),
        ]);
    }
    let ratios = run_large.ratio(bare_large);
    let whole = ratios.median();
    let data = run_data.median() / bare_data.median();
    table.row(&[
        "times".to_owned(),
        times(run_tiny.ratio(bare_tiny).median()),
        times(whole),
        times(data),
    ]);
    let fixed = run_tiny.minus(bare_tiny).median();
    table.row(&[
        "more".to_owned(),
        s(fixed),
        s(run_large.minus(bare_large).median()),
        s(run_data.minus(&bare_data).median()),
    ]);
    println!("{table}");
    claim(
        whole <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times the bare command with {megabytes} MB"),
        &format!(
            "{whole:.3} ({} … {})",
            times(ratios.minimum()),
            times(ratios.maximum())
        ),
    );
    claim(
        data <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times for the data alone"),
        &format!("{data:.3}"),
    );
    let seconds_per_megabyte = bare_data.median() / f64::from(megabytes);
    let enough = fixed / (MOST_TIMES - 1.0) / seconds_per_megabyte;
    println!(
        "- the fixed cost is {}: at this machine's speed it is a twentieth of the whole from {enough:.0} MB on",
        s(fixed)
    );
    println!("- a restore starts {}\n", measured.fact("programs")?);
    Ok(())
}
