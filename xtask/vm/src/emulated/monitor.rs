//! qemu's monitor: one command a line in JSON, and its answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// A connection to the monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    socket: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Monitor {
    /// # Errors
    /// qemu does not greet, or does not leave out the memory that is in a file of its own.
    pub(super) fn new(socket: UnixStream) -> anyhow::Result<Self> {
        socket.set_read_timeout(Some(Duration::from_mins(1)))?;
        let reader = BufReader::new(socket.try_clone()?);
        let mut monitor = Self { socket, reader };
        let greeting = monitor.read()?;
        if greeting.get("QMP").is_none() {
            bail!("qemu's greeting: {greeting}");
        }
        monitor.execute("qmp_capabilities", &json!({}))?;
        monitor.execute(
            "migrate-set-capabilities",
            &json!({"capabilities": [{"capability": "x-ignore-shared", "state": true}]}),
        )?;
        Ok(monitor)
    }

    /// Goes on from the state that [`Monitor::save`] wrote to `file`.
    ///
    /// # Errors
    /// qemu refuses.
    pub(super) fn load(&mut self, file: &Path) -> anyhow::Result<()> {
        self.execute("migrate-incoming", &json!({"uri": uri(file)?}))
            .map(drop)
    }

    /// Stops the machine, writes its state to `file` and its disks, and ends qemu.
    ///
    /// # Errors
    /// qemu cannot write it.
    pub(super) fn save(&mut self, file: &Path) -> anyhow::Result<()> {
        self.execute("migrate", &json!({"uri": uri(file)?}))?;
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let progress = self.execute("query-migrate", &json!({}))?;
            match progress.get("status").and_then(Value::as_str) {
                Some("completed") => break,
                Some("failed" | "cancelled") => bail!("save the machine: {progress}"),
                _ if Instant::now() > deadline => bail!("save the machine: still {progress}"),
                // The monitor has no command that waits.
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        self.execute("quit", &json!({})).map(drop)
    }

    fn execute(&mut self, command: &str, arguments: &Value) -> anyhow::Result<Value> {
        // In one piece: qemu quits at the last brace, and does not read what would come after it.
        let line = format!("{}\n", json!({"execute": command, "arguments": arguments}));
        let written = self.socket.write_all(line.as_bytes());
        written.context("qemu's monitor")?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                bail!("qemu: {command}: {error}");
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            // An event, which nobody asked for.
        }
    }

    fn read(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        let length = self.reader.read_line(&mut line).context("qemu's monitor")?;
        if length == 0 {
            bail!("qemu ended");
        }
        serde_json::from_str(&line).with_context(|| format!("qemu's answer {line:?}"))
    }
}

fn uri(file: &Path) -> anyhow::Result<String> {
    let path = file.to_str().context("the cache directory's name")?;
    Ok(format!("file:{path}"))
}
