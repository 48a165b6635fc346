//! A running qemu.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::monitor::Monitor;
use super::qemu_root::QemuRoot;
use crate::agent::Agent;
use crate::guest::Parts;

/// The size of the guest's memory.
const MEMORY: &str = "2048M";
const MEMORY_BYTES: u64 = 2048 << 20;

/// How many processors the guest has: some scenarios are about what happens side by side.
pub(super) const PROCESSORS: usize = 2;

/// The hardware. A saved state fits only the hardware it was saved on.
pub(super) const HARDWARE: &[&str] = &[
    "-no-user-config",
    "-nodefaults",
    "-display",
    "none",
    "-accel",
    "tcg,thread=multi",
    // What costs time only, under emulation.
    "-cpu",
    "max,-la57,-pku,-smap,-smep",
    "-smp",
    "2",
    "-nic",
    "none",
    "-m",
    MEMORY,
    "-machine",
    "pc,hpet=off,memory-backend=memory",
    // Machines that begin from one saved state draw random numbers of their own.
    "-device",
    "vmgenid,guid=auto",
    "-device",
    "virtio-serial-pci",
    "-device",
    "virtserialport,chardev=agent,name=vm-agent",
    "-chardev",
    "socket,id=agent,fd=0",
    "-chardev",
    "socket,id=monitor,fd=1",
    "-mon",
    "chardev=monitor,mode=control",
];

/// The kernel's command line: what can be left out under emulation is.
pub(super) const KERNEL: &str = "console=ttyS0 quiet loglevel=4 edd=off mitigations=off nokaslr \
     no_timer_check tsc=reliable random.trust_cpu=on audit=0 lsm=yama init_on_alloc=0 hardened_usercopy=off \
     randomize_kstack_offset=off nowatchdog cgroup.memory=nokmem,nosocket rcupdate.rcu_expedited=1";

/// The disks, in the order of their names from `/dev/vda` on.
pub(super) const DISKS: [&str; 3] = ["root", "tank", "vault"];

/// A machine's memory.
#[derive(Debug)]
pub(super) struct Memory {
    /// The file that holds it.
    pub(super) file: PathBuf,
    /// The rest of the machine's state when `file` was saved; none for a machine that starts from
    /// the beginning, and whose `file` is made.
    pub(super) state: Option<PathBuf>,
    /// Whether what the machine writes goes to `file`, which otherwise is copied on write.
    pub(super) kept: bool,
}

/// The file with what qemu says, in a machine's directory.
const LOG: &str = "qemu.log";

/// How long a process may take to end after the last sign of its monitor.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// A process, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Qemu {
    process: Child,
    monitor: Monitor,
    directory: PathBuf,
}

impl Qemu {
    /// Starts a machine: from the beginning, or from a saved state. It begins to run at once. The directory of
    /// `parts` holds `root.qcow2` and the other [`DISKS`]; `console` and `qemu.log` go there.
    ///
    /// # Errors
    /// qemu does not start, or does not take the saved state.
    pub(super) fn start(
        qemu_root: &QemuRoot,
        initrd: &Path,
        parts: &Parts<'_>,
        memory: &Memory,
    ) -> anyhow::Result<(Self, Agent)> {
        let log = parts.directory.join(LOG);
        let stderr = File::create(&log).with_context(|| log.display().to_string())?;
        let (port, guest_port) = UnixStream::pair()?;
        let (control, guest_control) = UnixStream::pair()?;
        let mut command = qemu_root.program_that_gives_way("usr/bin/qemu-system-x86_64");
        for directory in ["usr/share/qemu", "usr/share/seabios"] {
            command.arg("-L").arg(qemu_root.join(directory));
        }
        command.args(HARDWARE).args(["-append", KERNEL]);
        command.arg("-kernel").arg(qemu_root.kernel());
        command.arg("-initrd").arg(initrd);
        for disk in DISKS {
            let file = parts.directory.join(disk).with_extension("qcow2");
            command
                .arg("-drive")
                .arg(format!("if=virtio,format=qcow2,file={}", option(&file)?));
        }
        let payload = option(parts.payload)?;
        command
            .arg("-drive")
            .arg(format!("if=virtio,format=raw,readonly=on,file={payload}"));
        let console = option(&parts.directory.join("console"))?;
        command
            .arg("-chardev")
            .arg(format!("file,id=console,append=on,path={console}"))
            .args(["-serial", "chardev:console"]);
        command.arg("-object").arg(memory.backend()?);
        if memory.state.is_some() {
            command.args(["-incoming", "defer"]);
        }
        let mut process = command
            .stdin(OwnedFd::from(guest_port))
            .stdout(OwnedFd::from(guest_control))
            .stderr(stderr)
            .spawn()
            .context("qemu")?;
        // The command holds the guest's ends; qemu's end would go unnoticed.
        drop(command);
        let started = Monitor::new(control).and_then(|mut monitor| {
            if let Some(state) = &memory.state {
                monitor.load(state)?;
            }
            Ok(monitor)
        });
        match started {
            Ok(monitor) => Ok((
                Self {
                    process,
                    monitor,
                    directory: parts.directory.to_owned(),
                },
                Agent::new(port)?,
            )),
            Err(error) => Err(error).with_context(|| last_words(&mut process, &log, LAST_MOMENT)),
        }
    }

    /// Writes the machine's state to `file` and ends it; its memory is in the file it had.
    ///
    /// # Errors
    /// The state cannot be written.
    pub(super) fn save(mut self, file: &Path) -> anyhow::Result<()> {
        let saved = self.monitor.save(file);
        saved.with_context(|| {
            last_words(&mut self.process, &self.directory.join(LOG), LAST_MOMENT)
        })?;
        let status = self.process.wait().context("qemu")?;
        if !status.success() {
            bail!("qemu: {status}");
        }
        Ok(())
    }

    /// Where its disks are, absolute.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Waits for the machine to switch itself off.
    ///
    /// # Errors
    /// qemu ends in another way.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        let status = self.process.wait().context("qemu")?;
        if status.success() {
            Ok(())
        } else {
            bail!("qemu: {status}: {}", self.log())
        }
    }

    /// Kills the machine: what it had not written to its disks is lost.
    ///
    /// # Errors
    /// The process cannot be killed.
    pub(super) fn kill(&mut self) -> std::io::Result<ExitStatus> {
        self.process.kill()?;
        self.process.wait()
    }

    /// What qemu has said, and the end of what the machine has.
    pub(super) fn log(&self) -> String {
        let mut log = fs::read_to_string(self.directory.join(LOG)).unwrap_or_default();
        let console = fs::read(self.directory.join("console")).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let lines: Vec<&str> = console.lines().collect();
        log.push_str(&lines[lines.len().saturating_sub(60)..].join("\n"));
        log
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It has ended already, or ends with this process.
        self.kill().ok();
    }
}

impl Memory {
    fn backend(&self) -> anyhow::Result<String> {
        if self.state.is_none() {
            File::create_new(&self.file)
                .and_then(|file| file.set_len(MEMORY_BYTES))
                .with_context(|| self.file.display().to_string())?;
        }
        let sharing = if self.kept {
            "share=on"
        } else {
            "share=off,readonly=on,rom=off"
        };
        let path = option(&self.file)?;
        Ok(format!(
            "memory-backend-file,id=memory,size={MEMORY},mem-path={path},{sharing}"
        ))
    }
}

/// How a qemu ended whose monitor answers no more, and what it has said. One that still runs after `limit` is ended.
fn last_words(process: &mut Child, log: &Path, limit: Duration) -> String {
    let deadline = Instant::now() + limit;
    let ended = loop {
        match process.try_wait() {
            Ok(Some(status)) => break status.to_string(),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => {
                // It has ended already, or ends now.
                process.kill().ok();
                process.wait().ok();
                break "it ran on, and was ended".to_owned();
            }
        }
    };
    let said = fs::read_to_string(log).unwrap_or_default();
    format!("qemu: {ended}: {}", said.trim_end())
}

/// A path as the value of an option, where a comma separates options.
fn option(path: &Path) -> anyhow::Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("{}: not UTF-8", path.display()))?;
    Ok(text.replace(',', ",,"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::{Command, Stdio};

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn last_words_of(script: &str, limit: Duration) -> String {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join(LOG);
        let mut process = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        last_words(&mut process, &log, limit)
    }

    #[test]
    fn a_qemu_that_ended_is_quoted() {
        assert_eq!(
            last_words_of("echo 'no such device' >&2; exit 1", LONG),
            "qemu: exit status: 1: no such device"
        );
        assert_eq!(
            last_words_of("kill -SEGV $$", LONG),
            "qemu: signal: 11 (SIGSEGV): "
        );
    }

    #[test]
    fn a_qemu_that_runs_on_is_ended() {
        assert_eq!(
            last_words_of("exec sleep 60", Duration::ZERO),
            "qemu: it ran on, and was ended: "
        );
    }
}
