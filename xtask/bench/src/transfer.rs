//! What moves the data once, beside bare commands that do: receive and restic.

use crate::guest::Measured;
use crate::samples::Samples;
use crate::size::Size;
use crate::table::{MOST_TIMES, Table, claim, s, times};
use vm::Vms;

/// An even number: each of the two comes first as often as the other. One round alone is off by several hundredths.
const ROUNDS: usize = 6;

/// What is measured, and the bare commands beside it.
#[derive(Clone, Copy)]
pub(crate) struct Transfer {
    pub(crate) script: &'static str,
    pub(crate) title: &'static str,
    /// What is measured, and in words.
    pub(crate) ours: &'static str,
    pub(crate) what: &'static str,
    pub(crate) bare: &'static str,
    /// What is measured of the bare commands once more and is none of the claim, in words: `verify-tiny`, `verify-large`.
    pub(crate) apart: Option<&'static str>,
    /// Incompressible data, in MB: as much as takes the bare command half a minute or more in the virtual machine.
    pub(crate) megabytes: u32,
    pub(crate) rounds: usize,
}

/// Measures and prints receives.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn receive(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let transfer = Transfer {
        script: "receive.sh",
        title: "Receive",
        ours: "preseed-helper run",
        what: "a restore",
        bare: "zfs send -Lc to zfs receive",
        apart: None,
        megabytes: 2000,
        rounds: ROUNDS,
    };
    measure(vms, size, &transfer).map(drop)
}

/// Measures and prints restores from restic.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn restic(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let transfer = Transfer {
        script: "restic.sh",
        title: "restic",
        ours: "preseed-helper run",
        what: "a restore",
        bare: "restic restore --target",
        apart: None,
        megabytes: 1000,
        rounds: ROUNDS,
    };
    measure(vms, size, &transfer).map(drop)
}

/// Measures, and prints a table and the claims.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms, size: Size, transfer: &Transfer) -> anyhow::Result<Measured> {
    let transfer = Transfer {
        megabytes: size.megabytes(transfer.megabytes),
        rounds: size.rounds(transfer.rounds),
        ..*transfer
    };
    let (megabytes, rounds) = (transfer.megabytes, transfer.rounds);
    let measured = Measured::of(vms, transfer.script, &[("LARGE", megabytes)], rounds)?;
    println!("### {}\n", transfer.title);
    println!(
        "Incompressible data, {rounds} rounds, both tools in turn, caches dropped before each, until \
         the data is on disk. With almost no data (64 KB) all is fixed cost. Load average at the \
         start: {}.\n",
        measured.load
    );
    let (run, bare) = (Took::of(&measured, "run")?, Took::of(&measured, "bare")?);
    let mut table = table(&transfer, &run, &bare);
    let mut whole = run.large.clone();
    let mut without = String::new();
    if let Some(apart) = transfer.apart {
        let verified = Took::of(&measured, "verify")?;
        table.row(&verified.row(apart));
        whole = whole.minus(verified.large);
        without = format!(", without {apart}");
    }
    println!("{table}");
    let ratios = whole.ratio(bare.large);
    claim(
        ratios.median() <= MOST_TIMES,
        &format!("at most {MOST_TIMES} times the bare command with {megabytes} MB{without}"),
        &format!(
            "{:.3} ({} … {})",
            ratios.median(),
            times(ratios.minimum()),
            times(ratios.maximum())
        ),
    );
    let data = run.data.ratio(&bare.data).median();
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
    let programs = measured.fact("programs")?;
    println!("- {} starts {programs}\n", transfer.what);
    Ok(measured)
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

    fn row(&self, what: &str) -> [String; 4] {
        [
            what.to_owned(),
            s(self.tiny.median()),
            s(self.large.median()),
            s(self.data.median()),
        ]
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
    table.row(&run.row(transfer.ours));
    table.row(&bare.row(transfer.bare));
    table.row(&[
        "times".to_owned(),
        times(run.tiny.ratio(bare.tiny).median()),
        times(run.large.ratio(bare.large).median()),
        times(run.data.ratio(&bare.data).median()),
    ]);
    table.row(&[
        "more".to_owned(),
        s(run.tiny.minus(bare.tiny).median()),
        s(run.large.minus(bare.large).median()),
        s(run.data.minus(&bare.data).median()),
    ]);
    table
}
