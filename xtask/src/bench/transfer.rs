//! Restores that move the data once: receive and restic.

use crate::bench::guest::Measured;
use crate::bench::table::{Table, claim, s, times};
use crate::forge::Forge;

/// At most this many times the bare commands.
const MOST_TIMES: f64 = 1.05;

/// One kind of restore, and the bare commands beside it.
struct Transfer {
    script: &'static str,
    title: &'static str,
    bare: &'static str,
    /// Incompressible data, in MB.
    megabytes: u32,
    rounds: usize,
}

/// Measures and prints receives.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn receive(forge: &Forge) -> anyhow::Result<()> {
    measure(
        forge,
        &Transfer {
            script: "receive.sh",
            title: "Receive",
            bare: "zfs send -Lc to zfs receive",
            megabytes: 1000,
            rounds: 3,
        },
    )
}

/// Measures and prints restores from restic.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn restic(forge: &Forge) -> anyhow::Result<()> {
    measure(
        forge,
        &Transfer {
            script: "restic.sh",
            title: "restic",
            bare: "restic restore --target",
            megabytes: 1000,
            rounds: 3,
        },
    )
}

fn measure(forge: &Forge, transfer: &Transfer) -> anyhow::Result<()> {
    let Transfer {
        script,
        title,
        bare,
        megabytes,
        rounds,
    } = *transfer;
    let measured = Measured::of(forge, script, &[("LARGE", megabytes)], rounds)?;
    println!("### {title}\n");
    println!(
        "Incompressible data, {rounds} rounds, both tools in turn, caches dropped before each, until \
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
    let whole = run_large.ratio(bare_large).median();
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
        &times(whole),
    );
    claim(
        data <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times for the data alone"),
        &times(data),
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
