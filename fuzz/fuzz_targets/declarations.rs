//! Whatever bytes a host's files hold: no panic, no hang, and every problem points into its file.
#![no_main]

#[path = "../../declaration/tests/host/mod.rs"]
mod host;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    host::check(&host::files(bytes));
});
