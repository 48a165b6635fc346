//! A throw-away machine with real systemd: a container of this machine's own root.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::base::{Base, Left};
use crate::control_group::ControlGroup;
use crate::overlay;
use product::program::succeed;

/// Longer than a stage that hangs takes to be ended, reported and the machine shut down.
const LONGEST_RUN: Duration = Duration::from_mins(20);

/// What `/var` and `/srv` can hold; the disk is sparse, in memory.
const DISK_SIZE: u64 = 4 << 30;

/// What a machine changed of its root, in its directory.
const CHANGES: &str = "changes";

/// Its disk there.
const DISK: &str = "disk.ext4";

/// How many machines this process has made.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A machine that is switched off, or runs within [`Machine::run`].
///
/// Its root is an overlay. `/var` and `/srv` are on an ext4 of their own: services keep their data
/// on a real file system, and what is there survives a reboot.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Of this process and the machine, `PROCESS-NUMBER`: no other on this machine has it.
    id: String,
    directory: PathBuf,
    root: PathBuf,
}

/// What a boot starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boot {
    /// All that is enabled.
    Whole,
    /// No service: those of the machine that it goes on from had been stopped.
    Idle,
}

impl Machine {
    /// A machine that has never been booted. No other of the same base may have its `name`.
    ///
    /// # Errors
    /// Its file systems cannot be made or mounted.
    pub(crate) fn new(base: &Base, name: &str) -> anyhow::Result<Self> {
        let directory = base.work().join("machine").join(name);
        let root = overlay::mount(base.layers(), &directory.join(CHANGES), &directory)?;
        let machine = Self {
            id: format!("{}-{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed)),
            directory,
            root,
        };
        match base.disk() {
            None => machine.make_disk()?,
            Some(disk) => machine.copy_disk(disk)?,
        }
        if let Some(var) = base.var() {
            copy_var(&var, &machine.disk().join("var"))?;
        }
        let channel = machine.channel();
        fs::create_dir(&channel).with_context(|| channel.display().to_string())?;
        mkfifo(&channel.join("output"), Mode::S_IRUSR | Mode::S_IWUSR)
            .context("make the pipe for a stage's output")?;
        Ok(machine)
    }

    /// Boots as `boot` says, runs `script` (bash, `tests/lib.sh` is sourced before it; its errors name it `name`),
    /// and shuts down, or, if it is the `last`, is switched off. What it prints goes to `output` while it runs, and after
    /// it a report if it fails. Gives its exit status.
    ///
    /// # Errors
    /// The machine does not boot or goes down before the script is over, or `output` fails.
    pub(crate) fn run(
        &self,
        boot: Boot,
        name: &str,
        script: &str,
        last: bool,
        output: &mut (dyn Write + Send),
    ) -> anyhow::Result<i32> {
        let status = self.channel().join("status");
        let stage = self.channel().join("stage");
        if stage.exists() {
            fs::remove_dir_all(&stage).with_context(|| stage.display().to_string())?;
        }
        fs::create_dir(&stage).with_context(|| stage.display().to_string())?;
        fs::write(stage.join(name), script)
            .with_context(|| format!("{}/{name}", stage.display()))?;
        if last {
            let is_last = self.channel().join("is-last");
            File::create(&is_last).with_context(|| is_last.display().to_string())?;
        }
        let console = self.directory.join("console");
        let pipe = self.channel().join("output");
        // Held open, so that the reader does not see an end before the machine is down.
        let hold = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&pipe)
            .with_context(|| pipe.display().to_string())?;
        let mut reader = File::open(&pipe).with_context(|| pipe.display().to_string())?;
        let (exit, copied) = thread::scope(|scope| {
            let copying = scope.spawn(move || copy(&mut reader, output));
            let exit = self.boot(boot, &console);
            drop(hold);
            (exit, copying.join())
        });
        let exit = exit?;
        match copied {
            Ok(copied) => copied.context("the stage's output")?,
            Err(_) => bail!("the thread that reads the stage's output panicked"),
        }
        let Ok(text) = fs::read_to_string(&status) else {
            bail!(
                "the machine went down before the stage was over (systemd-nspawn: {exit}): its console:\n{}",
                fs::read_to_string(&console).unwrap_or_default()
            );
        };
        fs::remove_file(&status).context("the stage's status")?;
        text.trim()
            .parse()
            .with_context(|| format!("the stage's status {text:?}"))
    }

    /// From power-on to power-off.
    fn boot(&self, boot: Boot, console: &Path) -> anyhow::Result<ExitStatus> {
        let log = File::create(console).with_context(|| console.display().to_string())?;
        let group = ControlGroup::new(&self.id)?;
        // However this process ends, unshare is killed then, and with it the first process of a
        // process namespace: that takes all others along.
        let mut nspawn = Command::new("setpriv");
        nspawn.args(["--pdeathsig", "KILL"]);
        nspawn.args(group.entrance());
        nspawn.args(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        nspawn
            .args(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit"])
            .args(["--private-network", "--console=read-only", "--boot"])
            .arg(format!("--machine=preseed-{}", self.id))
            .arg(argument("--directory=", &self.root, ""))
            .arg(argument("--bind=", &self.disk().join("var"), ":/var"))
            .arg(argument("--bind=", &self.disk().join("srv"), ":/srv"))
            .arg(argument("--bind=", &self.channel(), ":/run/scenario"))
            .args((boot == Boot::Idle).then_some("systemd.unit=scenario-idle.target"))
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("the console's log")?)
            .stderr(log);
        let mut nspawn = nspawn.spawn().context("systemd-nspawn")?;
        let id = Pid::from_raw(nspawn.id().try_into().context("a process id")?);
        thread::scope(|scope| {
            let (over, waiting) = channel::<()>();
            scope.spawn(move || {
                if waiting.recv_timeout(LONGEST_RUN) == Err(RecvTimeoutError::Timeout) {
                    // Not waited for yet, so the id is still its own.
                    let _gone_already = kill(id, Signal::SIGKILL);
                }
            });
            let exit = nspawn.wait().context("systemd-nspawn");
            drop(over);
            exit
        })
    }

    fn make_disk(&self) -> anyhow::Result<()> {
        let disk = self.disk();
        fs::create_dir(&disk).with_context(|| disk.display().to_string())?;
        let image = self.directory.join(DISK);
        File::create(&image)
            .and_then(|file| file.set_len(DISK_SIZE))
            .with_context(|| image.display().to_string())?;
        succeed(
            Command::new("mkfs.ext4")
                .args(["-q", "-F", "-E", "lazy_itable_init=1,nodiscard"])
                .arg(&image),
        )?;
        if let Err(error) = self.mount_disk() {
            eprintln!("no loop device, data is kept on a tmpfs instead of an ext4: {error:#}");
            // What is there now is no image of the disk.
            fs::remove_file(&image).with_context(|| image.display().to_string())?;
            succeed(
                Command::new("mount")
                    .args(["-t", "tmpfs", "tmpfs"])
                    .arg(&disk),
            )?;
        }
        // Nobody makes /var/tmp at boot where no unit has a private one.
        for (directory, mode) in [("var", 0o755), ("var/tmp", 0o1777), ("srv", 0o755)] {
            let path = disk.join(directory);
            fs::create_dir(&path)
                .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)))
                .with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// The disk of another machine, as it left it.
    fn copy_disk(&self, from: &Path) -> anyhow::Result<()> {
        let disk = self.disk();
        fs::create_dir(&disk).with_context(|| disk.display().to_string())?;
        let mut copy = Command::new("cp");
        copy.arg("--sparse=always").arg(from);
        succeed(copy.arg(self.directory.join(DISK)))?;
        self.mount_disk()
    }

    /// `mount -o loop` sets autoclear: unmounting detaches the loop device.
    fn mount_disk(&self) -> anyhow::Result<()> {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(self.directory.join(DISK));
        succeed(mount.arg(self.disk()))
    }

    /// Gives what it leaves in the directory `to`, after a shutdown.
    ///
    /// # Errors
    /// It still runs, or has no disk of its own.
    pub(crate) fn leave(self, to: &Path) -> anyhow::Result<Left> {
        for mounted in [&self.root, &self.disk()] {
            umount2(mounted, MntFlags::empty())
                .with_context(|| format!("unmount {}", mounted.display()))?;
        }
        let left = Left {
            layer: to.join(CHANGES),
            disk: to.join(DISK),
        };
        for (name, to) in [(CHANGES, &left.layer), (DISK, &left.disk)] {
            fs::rename(self.directory.join(name), to).with_context(|| to.display().to_string())?;
        }
        Ok(left)
    }

    fn channel(&self) -> PathBuf {
        self.directory.join("channel")
    }

    fn disk(&self) -> PathBuf {
        self.directory.join("disk")
    }
}

/// Its file systems go when it is dropped, so that many machines in a row do not fill the memory.
impl Drop for Machine {
    fn drop(&mut self) {
        for mount in [self.disk(), self.root.clone()] {
            let _gone_with_the_process = umount2(&mount, MntFlags::MNT_DETACH);
        }
        let _gone_with_the_process = fs::remove_dir_all(&self.directory);
    }
}

/// Copies until the end, as it comes.
fn copy(from: &mut File, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = [0; 8192];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..length])?;
        to.flush()?;
    }
}

fn argument(option: &str, path: &Path, suffix: &str) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(path);
    argument.push(suffix);
    argument
}

/// Copies what packages have made of services' directories: what apt and dpkg keep there is of no use.
fn copy_var(from: &Path, to: &Path) -> anyhow::Result<()> {
    for below in ["lib", "log", "spool"] {
        let directory = from.join(below);
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        let to = to.join(below);
        fs::create_dir_all(&to).with_context(|| to.display().to_string())?;
        for entry in entries {
            let entry = entry.with_context(|| directory.display().to_string())?;
            if ["apt", "dpkg"]
                .iter()
                .all(|tool| entry.file_name() != *tool)
            {
                succeed(Command::new("cp").arg("-a").arg(entry.path()).arg(&to))?;
            }
        }
    }
    Ok(())
}
