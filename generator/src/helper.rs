//! How a helper is run by its unit.

use crate::unit::{Directive, Value};

/// What all helpers' `[Service]` begins with. `program`: the helper and its fixed arguments; `argument`: what it is run for.
#[must_use]
pub(crate) fn oneshot<'a>(program: &'static str, argument: &'a str) -> Vec<Directive<'a>> {
    vec![
        ("Type", Value::Fixed("oneshot")),
        ("NotifyAccess", Value::Fixed("main")),
        // What hangs in the kernel cannot be killed, and is not waited for.
        ("TimeoutStopSec", Value::Fixed("15s")),
        ("ExecStart", Value::Command { program, argument }),
    ]
}
