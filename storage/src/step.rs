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

/// What is the same of a step in each run: its words without what holds a digit, which is a time, an identity or a size of
/// this run, and in any order, since Sanoid says which datasets are due in another one each time.
#[cfg(any(feature = "failpoints", test))]
fn shape(name: &str) -> Vec<String> {
    let without_numbers = |word: &str| {
        let parts = word.split(|letter: char| !letter.is_alphanumeric());
        let parts = parts.filter(|part| !part.contains(|letter: char| letter.is_ascii_digit()));
        parts.collect::<Vec<_>>().join(" ")
    };
    let mut words: Vec<String> = name.split(' ').map(without_numbers).collect();
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn a_step_is_known_again_in_another_run() {
        let one = "zfs snapshot tank/a@autosnap_2026-11-27_12:10:01_hourly tank/b@autosnap_2026-11-27_12:10:01_hourly";
        let other = "zfs snapshot tank/b@autosnap_2027-01-03_00:00:59_hourly tank/a@autosnap_2027-01-03_00:00:59_hourly";
        assert_eq!(shape(one), shape(other));
        let one = "mark of=guid:10071633577993826142 at=2026-11-27T12:10:02Z 6f72dead";
        let other = "mark of=guid:1 at=2027-01-03T01:00:00Z 0123abcd";
        assert_eq!(shape(one), shape(other));
        for another in ["zfs destroy tank/a@x", "zfs destroy tank/b@x"] {
            assert_ne!(shape("zfs snapshot tank/a@x"), shape(another));
        }
        assert_ne!(shape("zfs destroy tank/a"), shape("zfs destroy tank/b"));
    }
}

#[cfg(feature = "failpoints")]
mod stopping {
    use std::collections::HashMap;
    use std::fs::OpenOptions;
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::io::{Read, Write, copy, pipe};
    use std::process::{ChildStdout, Stdio};
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::{env, thread};

    use super::shape;

    /// How often this process has passed each step of one shape.
    static PASSED: LazyLock<Mutex<HashMap<u64, usize>>> = LazyLock::new(Mutex::default);

    /// Something that changes the machine is about to be done: `name` says what.
    ///
    /// A line `PROGRAM:NUMBER ID NAME` is appended to the file `$PRESEED_STEPS`. If `$PRESEED_STOP_AT` is `ID`, the line goes
    /// to `$PRESEED_STOPPED`, a FIFO, and the thread stops for good. The number may differ from run to run: the kernel lets go
    /// of a mount a moment late, and it takes a call more. So the ID is of what the step is, and how often it came before.
    pub fn at(name: impl FnOnce() -> String) {
        let program = env::current_exe().unwrap_or_default();
        let program = program.file_name().unwrap_or_default().to_string_lossy();
        let name = name();
        let mut hasher = DefaultHasher::new();
        shape(&name).hash(&mut hasher);
        let shape = hasher.finish();
        let (number, time) = {
            let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
            *passed.entry(shape).or_default() += 1;
            (passed.values().sum::<usize>(), passed[&shape])
        };
        let id = format!("{program}:{shape:x}.{time}");
        let tell = |variable: &str| {
            if let Some(file) = env::var_os(variable)
                && let Ok(mut file) = OpenOptions::new().append(true).open(file)
            {
                // In one piece: others append to it as well. A line that is missing fails the test that waits for it.
                let line = format!("{program}:{number} {id} {name}\n");
                let _ = file.write_all(line.as_bytes());
            }
        };
        if env::var("PRESEED_STOP_AT").is_ok_and(|stop| stop == id) {
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
