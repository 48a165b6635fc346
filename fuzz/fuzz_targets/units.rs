//! Whatever a host declares: the units that are written are read back as meant.
#![no_main]

#[path = "../../declaration/tests/host/mod.rs"]
mod host;
#[path = "../../generator/tests/meaning/mod.rs"]
mod meaning;
#[path = "../../generator/tests/reader/mod.rs"]
mod reader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    meaning::check(&host::check(&host::files(bytes)));
});
