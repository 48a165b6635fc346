//! A running user-mode Linux.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::disks::{self, DISKS, file};
use super::processors::Seat;
use super::write_cache::WriteCache;
use crate::agent::{Agent, End};
use crate::guest::{Parts, Power, Unflushed};
use product::cache::MEMORY;

/// The kernel's command line. What costs time only, when system calls are slow, is left out, and so is measuring the
/// processor (`lpj`): only drivers of hardware wait by that.
pub(super) const KERNEL: &[&str] = &[
    "mem=2048M",
    "root=/dev/ubda",
    "seccomp=on",
    "con0=null,fd:1",
    "con1=null",
    "con=null",
    "ssl=null",
    "console=tty0",
    "quiet",
    "random.trust_cpu=on",
    "audit=0",
    "init_on_alloc=0",
    "hardened_usercopy=off",
    "lpj=20000000",
];

/// How long a machine that was told to switch itself off may take.
const SHUTDOWN: Duration = Duration::from_mins(2);

/// A process group, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Linux {
    process: Child,
    /// A second hold of the agent's port: it ends when the last process of the machine has.
    port: UnixStream,
    directory: PathBuf,
    cache: Option<WriteCache>,
    /// Given back when the machine ends, since the next one may be started before this is dropped. `None`: it has ended.
    seat: Option<Seat>,
}

impl Linux {
    /// Starts `kernel` with the disks in the directory of `parts`, and with more `words` on its command line.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(
        kernel: &Path,
        parts: &Parts<'_>,
        words: &[&str],
        seat: Seat,
    ) -> anyhow::Result<(Self, Agent)> {
        let log = parts.directory.join("console");
        let console = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| log.display().to_string())?;
        let cache = match parts.unflushed {
            Unflushed::Kept => None,
            Unflushed::Lost => Some(WriteCache::before(parts.directory, &DISKS.map(file))?),
        };
        let disks = cache
            .as_ref()
            .map_or(parts.directory, WriteCache::directory);
        let (port, guest_port) = UnixStream::pair()?;
        // On one processor, the many processes that a machine consists of wake each other at half the cost.
        let mut linux = Command::new("setpriv");
        linux
            .args(["--pdeathsig", "KILL", "taskset", "--cpu-list"])
            .arg(seat.processor().to_string())
            .arg(kernel)
            .args(KERNEL)
            .args(words)
            .arg("ssl0=fd:0,fd:0");
        for (letter, name) in ('a'..).zip(DISKS) {
            let disk = disks.join(file(name));
            linux.arg(format!("ubd{letter}={}", disk.display()));
        }
        let process = linux
            .arg(format!("ubddr={}", parts.payload.display()))
            // Else it leaves a directory in the user's home.
            .arg(format!("uml_dir={}/", parts.directory.display()))
            // Its memory is a file there.
            .env("TMPDIR", MEMORY)
            .process_group(0)
            .stdin(OwnedFd::from(guest_port))
            .stdout(console.try_clone()?)
            .stderr(console)
            .spawn()
            .context("user-mode Linux")?;
        // The command holds the guest's end; the machine's end would go unnoticed.
        drop(linux);
        let linux = Self {
            process,
            port: port.try_clone()?,
            directory: parts.directory.to_owned(),
            cache,
            seat: Some(seat),
        };
        Ok((linux, Agent::new(port)?))
    }

    /// Waits until no process of the machine is left that could write to its disks.
    fn await_end(&mut self) -> io::Result<()> {
        self.port.set_read_timeout(Some(SHUTDOWN))?;
        let mut rest = [0; 4096];
        loop {
            match self.port.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.process.wait()?;
        self.seat = None;
        Ok(())
    }

    fn kill(&mut self) -> io::Result<()> {
        if self.seat.is_none() {
            // Its number may be another group's by now.
            return Ok(());
        }
        let group = i32::try_from(self.process.id()).map_err(io::Error::other)?;
        match killpg(Pid::from_raw(group), Signal::SIGKILL) {
            // It has ended already.
            Ok(()) | Err(nix::errno::Errno::ESRCH) => self.await_end(),
            Err(error) => Err(error.into()),
        }
    }
}

impl Power for Linux {
    fn wait(&mut self) -> anyhow::Result<()> {
        // This first: it has a deadline, and until the process is waited for, its number is nobody else's.
        self.await_end().context("user-mode Linux has not ended")?;
        let status = self.process.wait().context("user-mode Linux")?;
        if !status.success() {
            bail!("user-mode Linux: {status}: {}", self.log());
        }
        // A disk writes all it has when the machine is switched off in order.
        match self.cache.take() {
            Some(cache) => cache.flush().context("the disks"),
            None => Ok(()),
        }
    }

    fn cut(&mut self) -> anyhow::Result<u64> {
        self.kill().context("user-mode Linux")?;
        Ok(self.cache.take().map_or(0, |cache| cache.unflushed()))
    }

    fn log(&self) -> String {
        let console = fs::read(self.directory.join("console")).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let lines: Vec<&str> = console.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    fn keep(mut self: Box<Self>, mut agent: Agent, to: &Path) -> anyhow::Result<()> {
        let mut output = Vec::new();
        // A timer that was due since (`Persistent`) would begin its work beside the first steps of each scenario.
        let script = "systemctl stop '*.timer'; rm -f /var/lib/systemd/timers/stamp-*\n\
                      systemctl poweroff; sleep infinity\n";
        match agent.run(script, SHUTDOWN, &mut output) {
            Ok(End::MachineGone) => {}
            ended => bail!("the machine does not shut down: {ended:?}:\n{}", self.log()),
        }
        self.wait()?;
        disks::move_all(&self.directory, to)
    }
}

impl Drop for Linux {
    fn drop(&mut self) {
        // Should this fail, it ends with this process.
        self.kill().ok();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::quick::processors::Processors;

    /// A machine of one process, at `seat`.
    fn machine(program: &mut Command, seat: Option<Seat>) -> Linux {
        let (port, other_end) = UnixStream::pair().unwrap();
        drop(other_end);
        Linux {
            process: program.process_group(0).spawn().unwrap(),
            port,
            directory: PathBuf::new(),
            cache: None,
            seat,
        }
    }

    #[test]
    fn the_processor_of_a_machine_that_has_ended_is_free() {
        for (program, is_well) in [("true", true), ("false", false)] {
            let processors = Processors::new();
            let mut ended = machine(&mut Command::new(program), Some(processors.seat()));
            assert_eq!(ended.wait().is_ok(), is_well, "{program}");
            assert_eq!(processors.machines(), 0, "{ended:?}");
        }
    }

    #[test]
    fn a_machine_that_has_ended_kills_no_other_group_of_its_number() {
        // In the place of a group that has got the number since.
        let mut other = machine(Command::new("sleep").arg("60"), None);
        other.kill().unwrap();
        let status = other.process.try_wait().unwrap();
        other.process.kill().unwrap();
        other.process.wait().unwrap();
        assert_eq!(status, None, "{other:?}");
    }
}
