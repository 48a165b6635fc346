//! Whatever a service's user, a server, another program or the admin of a pool writes: no panic, and nothing is read that
//! was not meant.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    storage::any_bytes::check(bytes);
    restore::source::any_words::check(bytes);
});
