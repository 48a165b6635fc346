//! Points of a restore at which a test can stop it: `cargo xtask vm cuts` cuts the power there.
//! Without the feature `failpoints`, which only tests build with, nothing of it is compiled in.

#[cfg(not(feature = "failpoints"))]
use std::process::{ChildStdout, Stdio};

#[cfg(feature = "failpoints")]
pub use stopping::{at, within};

/// Something that changes the machine is about to be done: `name` says what.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn at(_name: impl FnOnce() -> String) {}

/// What a program writes, as another's standard input. `name` says what is about to be done once it has written
/// `_bytes`.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn within(stream: ChildStdout, _bytes: u64, _name: &'static str) -> Stdio {
    stream.into()
}

#[cfg(feature = "failpoints")]
mod stopping {
    use std::fs::OpenOptions;
    use std::io::{Read, Write, copy, pipe};
    use std::process::{ChildStdout, Stdio};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::{env, thread};

    /// How many steps this process has passed.
    static PASSED: AtomicUsize = AtomicUsize::new(0);

    /// Something that changes the machine is about to be done: `name` says what.
    ///
    /// A line `PROGRAM:NUMBER NAME` is appended to the file `$PRESEED_STEPS`. If `$PRESEED_STOP_AT` is
    /// `PROGRAM:NUMBER`, the line goes to `$PRESEED_STOPPED`, a FIFO, and the thread stops for good.
    pub fn at(name: impl FnOnce() -> String) {
        let number = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
        let program = env::current_exe().unwrap_or_default();
        let program = program.file_name().unwrap_or_default().to_string_lossy();
        let step = format!("{program}:{number}");
        let name = name();
        let tell = |variable: &str| {
            if let Some(file) = env::var_os(variable)
                && let Ok(mut file) = OpenOptions::new().append(true).open(file)
            {
                // A line that is missing fails the test that waits for it.
                let _ = writeln!(file, "{step} {name}");
            }
        };
        if env::var("PRESEED_STOP_AT").is_ok_and(|stop| stop == step) {
            tell("PRESEED_STOPPED");
            loop {
                thread::park();
            }
        }
        tell("PRESEED_STEPS");
    }
    /// What a program writes, as another's standard input. `name` says what is about to be done once it has written
    /// `bytes`; the rest is held back until then, however quick both programs are.
    pub fn within(mut stream: ChildStdout, bytes: u64, name: &'static str) -> Stdio {
        let Ok((reader, mut writer)) = pipe() else {
            return stream.into();
        };
        thread::spawn(move || {
            let passed = copy(&mut Read::by_ref(&mut stream).take(bytes), &mut writer);
            if passed.is_ok_and(|passed| passed == bytes) {
                at(|| name.to_owned());
                // An end that is gone is told by the programs themselves.
                let _ = copy(&mut stream, &mut writer);
            }
        });
        reader.into()
    }
}
