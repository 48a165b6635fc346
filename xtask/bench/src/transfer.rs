//! Restores that move the data once: receive and restic.

use crate::guest::Measured;
use crate::samples::Samples;
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
        megabytes,
        ..
    } = *transfer;
    let measured = Measured::of(vms, script, &[("LARGE", megabytes)], ROUNDS)?;
    println!("### {title}\n");
    println!(
        "Incompressible data, {ROUNDS} rounds, both tools in turn, caches dropped before each, until \
         the data is on disk. With almost no data (64 KB) all is fixed cost. Load average at the \
         start: {}.\n",
        measured.load
    );
    let (run, bare) = (Took::of(&measured, "run")?, Took::of(&measured, "bare")?);
    println!("{}", table(transfer, &run, &bare));
    let ratios = run.large.ratio(bare.large);
    let whole = ratios.median();
    claim(
        whole <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times the bare command with {megabytes} MB"),
        &format!(
            "{whole:.3} ({} … {})",
            times(ratios.minimum()),
            times(ratios.maximum())
        ),
    );
    let data = run.data.median() / bare.data.median();
    claim(
        data <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times for the data alone"),
        &format!("{data:.3}"),
    );
    let fixed = run.tiny.minus(bare.tiny).median();
    let seconds_per_megabyte = bare.data.median() / f64::from(megabytes);
    let enough = fixed / (MOST_TIMES - 1.0) / seconds_per_megabyte;
    println!(
        "- the fixed cost is {}: at this machine's speed it is a twentieth of the whole from {enough:.0} MB on",
        s(fixed)
    );
    println!("- a restore starts {}\n", measured.fact("programs")?);
    Ok(())
}

/// How long one of the two took.
struct Took<'a> {
    tiny: &'a Samples,
    large: &'a Samples,
    /// Without what it takes with almost no data.
    data: Samples,
}

impl<'a> Took<'a> {
    fn of(measured: &'a Measured, which: &str) -> anyhow::Result<Self> {
        let tiny = measured.samples(&format!("{which}-tiny"))?;
        let large = measured.samples(&format!("{which}-large"))?;
        let data = large.minus(tiny);
        Ok(Self { tiny, large, data })
    }
}

/// Both beside each other, and how much longer preseed takes.
fn table(transfer: &Transfer, run: &Took<'_>, bare: &Took<'_>) -> Table {
    let mut table = Table::new([
        "what",
        "64 KB",
        &format!("{} MB", transfer.megabytes),
        "the data alone",
    ]);
    for (what, took) in [("preseed-helper run", run), (transfer.bare, bare)] {
        table.row(&[
            what.to_owned(),
            s(took.tiny.median()),
            s(took.large.median()),
            s(took.data.median()),
        ]);
    }
    table.row(&[
        "times".to_owned(),
        times(run.tiny.ratio(bare.tiny).median()),
        times(run.large.ratio(bare.large).median()),
        times(run.data.median() / bare.data.median()),
    ]);
    table.row(&[
        "more".to_owned(),
        s(run.tiny.minus(bare.tiny).median()),
        s(run.large.minus(bare.large).median()),
        s(run.data.minus(&bare.data).median()),
    ]);
    table
}
