//! Each case of `tests/units`: what a dry run prints, and that a real run writes just that.
//!
//! `PRESEED_BLESS=1` rewrites what the cases expect; read the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod case;

use case::{Case, difference, entries, generator, printed_entries, report, scratch};

#[test]
fn cases() {
    let mut failures = Vec::new();
    for case in Case::all() {
        if let Err(failure) = check(&case) {
            failures.push(failure);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn check(case: &Case) -> Result<(), String> {
    let directory = scratch();
    let root = directory.path().join("root");
    std::fs::create_dir(&root).unwrap();
    case.plant(&root);

    let dry = generator(&root).arg("--dry-run").output().unwrap();
    let printed = String::from_utf8(dry.stdout.clone()).unwrap();
    let errors = String::from_utf8(dry.stderr.clone()).unwrap();
    if std::env::var_os("PRESEED_BLESS").is_some() {
        case.bless(&printed, &errors);
    } else if printed != case.expected || errors != case.errors {
        return Err(format!(
            "{}\noutput:\n{}errors:\n{}",
            report(case, &root, &dry),
            difference(&case.expected, &printed),
            difference(&case.errors, &errors)
        ));
    }
    let status = i32::from(!errors.is_empty());
    if dry.status.code() != Some(status) {
        return Err(format!(
            "{}\nexpected exit status {status}",
            report(case, &root, &dry)
        ));
    }

    let [normal, early, late] = ["normal", "early", "late"].map(|name| directory.path().join(name));
    for directory in [&normal, &early, &late] {
        std::fs::create_dir(directory).unwrap();
    }
    let run = generator(&root)
        .args([&normal, &early, &late])
        .output()
        .unwrap();
    let wrong =
        |what: &str, detail: &str| Err(format!("{}\n{what}\n{detail}", report(case, &root, &run)));
    if run.status.code() != Some(status) {
        return wrong("the exit status is not the dry run's", "");
    }
    if !run.stdout.is_empty() {
        return wrong("standard output is not empty", "");
    }
    if run.stderr != dry.stderr {
        return wrong("the messages are not the dry run's", "");
    }
    let (expected, got) = (
        printed_entries(&printed).concat(),
        entries(&normal).concat(),
    );
    if expected != got {
        return wrong(
            "what was written is not what was printed",
            &difference(&expected, &got),
        );
    }
    if !(entries(&early).is_empty() && entries(&late).is_empty()) {
        return wrong(
            "something was written to the directories for early or late units",
            "",
        );
    }
    Ok(())
}
