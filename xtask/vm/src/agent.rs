//! The agent in the guest, which runs what the host sends: see `tests/vm/guest/root/usr/lib/preseed-vm/agent`.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};

/// The connection to the guest's virtio port.
#[derive(Debug)]
pub struct Agent {
    port: UnixStream,
    reader: BufReader<UnixStream>,
    scripts: u32,
}

/// How many bytes of a script are sent before the guest has taken them.
const PIECE: usize = 2048;

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exit(i32),
    /// The machine was switched off or killed while it ran.
    MachineGone,
}

impl Agent {
    pub fn new(port: UnixStream) -> io::Result<Self> {
        let reader = BufReader::new(port.try_clone()?);
        Ok(Self {
            port,
            reader,
            scripts: 0,
        })
    }

    /// Waits until the initrd is about to look at the disks.
    ///
    /// # Errors
    /// It does not come so far in time.
    pub fn await_initrd(&mut self, limit: Duration) -> anyhow::Result<()> {
        self.await_line("vm-initrd", limit)
    }

    /// Lets the initrd go on, with the host's time. This needs no answer: the machine may not
    /// even have begun to run.
    ///
    /// # Errors
    /// There is no machine any more.
    pub fn go(&mut self) -> anyhow::Result<()> {
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
        writeln!(self.port, "go {now}").context("the machine's port")
    }

    /// Waits until the agent is there after a boot.
    ///
    /// # Errors
    /// It is not in time.
    pub fn await_boot(&mut self, limit: Duration) -> anyhow::Result<()> {
        self.await_line("vm-agent", limit)
    }

    fn await_line(&mut self, expected: &str, limit: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.read_line(&mut line, deadline)? == 0 {
                bail!("the machine ended before it said {expected}");
            }
            if line.trim_ascii() == expected.as_bytes() {
                return Ok(());
            }
        }
    }

    /// Runs a bash script in the guest as root, from `/`, without standard input. Both its
    /// streams go to `output` while it runs.
    ///
    /// # Errors
    /// It is not over within `limit`, the machine is booted meanwhile, or `output` takes no more.
    pub fn run(
        &mut self,
        script: &str,
        limit: Duration,
        output: &mut dyn Write,
    ) -> anyhow::Result<End> {
        let token = self.token();
        let deadline = Instant::now() + limit;
        let header = format!("{token} {}\n", script.len());
        let mut text = header.into_bytes();
        for (number, piece) in script.as_bytes().chunks(PIECE).enumerate() {
            if number > 0 {
                self.await_line("go on", deadline.saturating_duration_since(Instant::now()))?;
            }
            text.extend_from_slice(piece);
            if let Err(error) = self.port.write_all(&text) {
                return gone(error).context("the machine's port");
            }
            text.clear();
        }
        let mut line = Vec::new();
        // The agent ends the script's last line, whether the script has done so or not.
        let mut line_end: &[u8] = b"";
        loop {
            line.clear();
            if self.read_line(&mut line, deadline)? == 0 {
                return Ok(End::MachineGone);
            }
            let content = line.strip_suffix(b"\n").unwrap_or(&line);
            if let Some(status) = status(content, &token) {
                return status.map(End::Exit);
            }
            if content == b"vm-initrd" || content == b"vm-agent" {
                bail!("the machine booted while a script ran");
            }
            output.write_all(line_end)?;
            output.write_all(content)?;
            line_end = b"\n";
        }
    }

    /// Joins `input` and `output` to a shell on a terminal in the guest until it ends. `size` is
    /// the terminal's, as `stty size` prints it.
    ///
    /// # Errors
    /// The machine ends first, or `output` takes no more.
    pub fn shell(
        &mut self,
        size: &str,
        mut input: impl Read + Send + 'static,
        output: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let token = self.token();
        writeln!(self.port, "{token} shell {size}").context("the machine's port")?;
        self.port.set_read_timeout(None)?;
        let mut port = self.port.try_clone()?;
        // It ends with the process: there is no way to stop reading a terminal.
        std::thread::spawn(move || io::copy(&mut input, &mut port));
        let end = format!("\n{token} ").into_bytes();
        let mut tail = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let length = self.reader.read(&mut chunk)?;
            if length == 0 {
                bail!("the machine ended");
            }
            tail.extend_from_slice(&chunk[..length]);
            if let Some(at) = tail.windows(end.len()).position(|window| window == end) {
                output.write_all(&tail[..at])?;
                return Ok(output.flush()?);
            }
            // The last bytes may be the beginning of the end.
            let held = tail.iter().rposition(|&byte| byte == b'\n');
            let safe = held.filter(|&at| end.starts_with(&tail[at..]));
            let rest = tail.split_off(safe.unwrap_or(tail.len()));
            output.write_all(&tail)?;
            output.flush()?;
            tail = rest;
        }
    }

    /// A word that no script's output has.
    fn token(&mut self) -> String {
        self.scripts += 1;
        format!("#vm-{}-{}", std::process::id(), self.scripts)
    }

    /// Reads up to the next newline; 0 bytes if the machine is gone.
    fn read_line(&mut self, line: &mut Vec<u8>, deadline: Instant) -> anyhow::Result<usize> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("the machine did not answer in time");
            }
            self.port.set_read_timeout(Some(left))?;
            match self.reader.read_until(b'\n', line) {
                Ok(_) => return Ok(line.len()),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return gone(error).map(|_| 0).context("the machine's port"),
            }
        }
    }
}

/// Whether an error of the port says that qemu has ended.
fn gone(error: io::Error) -> io::Result<End> {
    match error.kind() {
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Ok(End::MachineGone),
        _ => Err(error),
    }
}

/// The exit status in the line that ends a script's output.
fn status(line: &[u8], token: &str) -> Option<anyhow::Result<i32>> {
    let status = line.strip_prefix(token.as_bytes())?.strip_prefix(b" ")?;
    let text = String::from_utf8_lossy(status);
    Some(
        text.parse()
            .with_context(|| format!("the agent's status {text:?}")),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::thread;

    /// Plays a guest that answers the first script with `answer`, where `TOKEN` is the token.
    fn answered(answer: &'static str) -> (anyhow::Result<End>, String) {
        let (host, guest) = UnixStream::pair().unwrap();
        let mut agent = Agent::new(host).unwrap();
        let guest = thread::spawn(move || {
            let mut reader = BufReader::new(guest.try_clone().unwrap());
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let (token, length) = header.trim_end().split_once(' ').unwrap();
            let mut script = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut script).unwrap();
            assert_eq!(script, b"echo");
            let mut guest = guest;
            guest
                .write_all(answer.replace("TOKEN", token).as_bytes())
                .unwrap();
        });
        let mut output = Vec::new();
        let end = agent.run("echo", Duration::from_secs(10), &mut output);
        guest.join().unwrap();
        (end, String::from_utf8(output).unwrap())
    }

    #[test]
    fn output_comes_as_it_was_written() {
        for (written, status) in [("", 0), ("one\n", 0), ("no line end", 3), ("\n\n#vm-\n", 1)] {
            let answer = format!("{written}\nTOKEN {status}\n").leak();
            let (end, output) = answered(answer);
            assert_eq!(end.unwrap(), End::Exit(status));
            assert_eq!(output, written);
        }
    }

    #[test]
    fn a_long_script_is_sent_in_pieces() {
        let (host, guest) = UnixStream::pair().unwrap();
        let mut agent = Agent::new(host).unwrap();
        let script = "x".repeat(2 * PIECE + 1);
        let length = script.len();
        let guest = thread::spawn(move || {
            let mut reader = BufReader::new(guest.try_clone().unwrap());
            let mut guest = guest;
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let token = header.split_once(' ').unwrap().0;
            for piece in [PIECE, PIECE, 1] {
                let mut taken = vec![0; piece];
                reader.read_exact(&mut taken).unwrap();
                assert!(reader.buffer().is_empty(), "more came than was asked for");
                let more = if piece == 1 {
                    format!("\n{token} 0\n")
                } else {
                    "go on\n".to_owned()
                };
                guest.write_all(more.as_bytes()).unwrap();
            }
        });
        let mut output = Vec::new();
        let end = agent.run(&script, Duration::from_secs(10), &mut output);
        guest.join().unwrap();
        assert_eq!(end.unwrap(), End::Exit(0), "{length} bytes");
    }

    #[test]
    fn a_machine_that_ends_is_noticed() {
        let (end, output) = answered("half a li");
        assert_eq!(end.unwrap(), End::MachineGone);
        assert_eq!(output, "half a li");
    }

    #[test]
    fn a_boot_meanwhile_is_an_error() {
        let (end, _) = answered("one\n\nvm-initrd\n");
        assert!(end.unwrap_err().to_string().contains("booted"));
    }
}
