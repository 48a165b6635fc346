//! How long the kernel waits where it changes mounts, namespaces and control groups.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Whether it waits as short as it can, at the price of asking all processors
/// (Documentation/admin-guide/kernel-parameters.txt, `rcupdate.rcu_expedited`).
const EXPEDITED: &str = "/sys/kernel/rcu_expedited";

/// Sets it back once nobody holds its input any more, whatever ended this process.
const SET_BACK: &str = r#"read -r _; echo 0 >"$0""#;

/// As long as this is there, the machine's kernel waits as short as it can: each boot of a container, each mount and each
/// unit with one of its own would wait for some hundredths of a second, several times.
#[derive(Debug)]
pub(crate) struct Expedited(Child);

impl Expedited {
    /// `None` where it is so already, or cannot be had: all is only slower then.
    pub(crate) fn begin() -> Option<Self> {
        let now = fs::read_to_string(EXPEDITED).ok()?;
        if now.trim() != "0" {
            return None;
        }
        let mut set_back = Command::new("sh");
        set_back
            .args(["-c", SET_BACK, EXPEDITED])
            .stdin(Stdio::piped());
        // What ends the whole group of this process leaves it.
        set_back.process_group(0);
        let set_back = Self(set_back.spawn().ok()?);
        fs::write(EXPEDITED, "1").ok()?;
        Some(set_back)
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _slower_only = self.0.wait();
    }
}
