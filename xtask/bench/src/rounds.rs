//! Rounds of many services' snapshots.

use crate::guest::Measured;
use crate::size::Size;
use crate::table::{Table, claim, s, times};
use vm::Vms;

const SERVICES: u32 = 300;
const ROUNDS: usize = 7;

/// At least this many times as quick as bare Sanoid.
const LEAST_TIMES: f64 = 3.0;

/// Measures and prints.
///
/// # Errors
/// It cannot be measured.
pub(crate) fn measure(vms: &Vms, size: Size) -> anyhow::Result<()> {
    let (services, rounds) = (size.services(SERVICES), size.rounds(ROUNDS));
    let measured = Measured::of(vms, "rounds.sh", &[("SERVICES", services)], rounds)?;
    println!("### A round of {services} services' snapshots\n");
    println!(
        "`protect-helper snapshots`, and `sanoid --cron` with the configuration that this renders, {rounds} rounds of each \
         in turn, an hour apart. Load average at the start: {}.\n",
        measured.load
    );
    let mut table = Table::new(["what", "preseed", "Sanoid", "times as quick", "processor"]);
    for (name, what) in [
        ("", format!("{services} snapshots are due")),
        ("idle-", "none is due".to_owned()),
        ("one-", "one is due, of the only service".to_owned()),
    ] {
        let of = |which: &str| measured.samples(&format!("{name}{which}"));
        let quicker = |which: &str| {
            anyhow::Ok(of(&format!("bare{which}"))?.ratio(of(&format!("ours{which}"))?))
        };
        table.row(&[
            what,
            s(of("ours")?.median()),
            s(of("bare")?.median()),
            times(quicker("")?.median()),
            times(quicker("-processor")?.median()),
        ]);
    }
    println!("{table}");
    let quicker = measured.samples("bare")?.ratio(measured.samples("ours")?);
    claim(
        quicker.median() >= LEAST_TIMES,
        &format!("at least {LEAST_TIMES} times as quick as Sanoid alone"),
        &format!(
            "{} ({} … {})",
            times(quicker.median()),
            times(quicker.minimum()),
            times(quicker.maximum())
        ),
    );
    for (name, what) in [("", "a round"), ("idle-", "a round in which none is due")] {
        println!("- {what} starts {}", measured.fact(&format!("{name}ours"))?);
        println!(
            "- Sanoid alone starts {}",
            measured.fact(&format!("{name}bare"))?
        );
    }
    println!(
        "- the first round, in which the newest snapshot of each proves itself and is held: {}\n",
        s(measured.samples("first")?.median())
    );
    Ok(())
}
