//! A machine for one scenario.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};

use crate::forge::agent::{Agent, End};
use crate::forge::cache::{Cache, Scratch};
use crate::forge::guest::{BOOT, Guest};
use crate::forge::payload;
use crate::forge::qemu::{Memory, Parts, Qemu};
use crate::forge::workshop::Workshop;

/// How long a stage of a scenario may take; the guest ends it then.
const STAGE: Duration = Duration::from_secs(300);

/// How long a script may take that is not a stage.
const SCRIPT: Duration = Duration::from_secs(1800);

/// How long what the forge itself runs may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A machine with disks of its own, which go when it is dropped.
pub(crate) struct Machine<'a> {
    workshop: &'a Workshop,
    guest: &'a Guest,
    payload: PathBuf,
    qemu: Qemu,
    agent: Agent,
    scratch: Scratch,
}

impl<'a> Machine<'a> {
    /// A machine that is booted, with pools `tank` and `vault` and what `payload` holds in it.
    ///
    /// # Errors
    /// It does not start, or does not answer.
    pub(crate) fn booted(
        cache: &Cache,
        workshop: &'a Workshop,
        guest: &'a Guest,
        payload: PathBuf,
    ) -> anyhow::Result<Self> {
        let scratch = cache.scratch()?;
        guest.disks(scratch.path())?;
        let mut machine = Self::start(scratch, workshop, guest, payload, &guest.booted())?;
        machine.unpack()?;
        Ok(machine)
    }

    /// A machine with the disks in `scratch`, which runs as `memory` says.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(
        scratch: Scratch,
        workshop: &'a Workshop,
        guest: &'a Guest,
        payload: PathBuf,
        memory: &Memory,
    ) -> anyhow::Result<Self> {
        let parts = Parts {
            workshop,
            initrd: &guest.initrd(),
            directory: scratch.path(),
            payload: &payload,
        };
        let (qemu, agent) = Qemu::start(&parts, memory)?;
        Ok(Self {
            workshop,
            guest,
            payload,
            qemu,
            agent,
            scratch,
        })
    }

    /// Gives a machine that was saved the host's time.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn set_clock(&mut self) -> anyhow::Result<()> {
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs_f64();
        self.check(&format!("date --set=@{now} >/dev/null"))
    }

    /// Gives a machine that was saved the host's time, and the current build.
    ///
    /// # Errors
    /// It does not answer, or the build cannot be unpacked.
    pub(crate) fn unpack(&mut self) -> anyhow::Result<()> {
        self.set_clock()?;
        self.check(payload::UNPACK)
    }

    /// Stops the machine and writes its state to `file`; gives the directory that holds its disks.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn save(self, file: &Path) -> anyhow::Result<Scratch> {
        self.qemu.save(file)?;
        Ok(self.scratch)
    }

    /// Runs a stage, as the file `name` in the machine, with `lib.sh`. Its output goes to `output`;
    /// if it fails, so does a report of the machine's state. Gives its exit status.
    ///
    /// # Errors
    /// The machine does not work any more.
    pub(crate) fn stage(
        &mut self,
        name: &str,
        script: &str,
        output: &mut dyn Write,
    ) -> anyhow::Result<i32> {
        self.stage_within(STAGE, name, script, output)
    }

    /// Runs a stage that may take `limit`, in whole seconds. See [`Self::stage`].
    ///
    /// # Errors
    /// The machine does not work any more.
    pub(crate) fn stage_within(
        &mut self,
        limit: Duration,
        name: &str,
        script: &str,
        output: &mut dyn Write,
    ) -> anyhow::Result<i32> {
        let seconds = limit.as_secs();
        let file = format!("'/run/scenario/{}'", name.replace('\'', "_"));
        let program = format!(
            "mkdir -p /run/scenario\n\
             cat >{file} <<'#end of the stage#'\n{script}\n#end of the stage#\n\
             export BASH_ENV=/usr/lib/preseed-tests/lib.sh\n\
             timeout --kill-after=10 {seconds} bash {file}\n\
             status=$?\n\
             [[ $status != 124 ]] || echo 'the stage was not over after {seconds} s'\n\
             [[ $status == 0 ]] || bash -c report\n\
             exit $status\n"
        );
        match self.agent.run(&program, limit + PATIENCE, output) {
            Ok(End::Exit(status)) => Ok(status),
            Ok(End::MachineGone) => bail!("the machine ended:\n{}", self.qemu.log()),
            Err(error) => Err(error).with_context(|| self.qemu.log()),
        }
    }

    /// Runs a bash script. Its output goes to `output`. Gives its exit status.
    ///
    /// # Errors
    /// The machine does not work any more.
    pub(crate) fn run(&mut self, script: &str, output: &mut dyn Write) -> anyhow::Result<i32> {
        match self.agent.run(script, SCRIPT, output)? {
            End::Exit(status) => Ok(status),
            End::MachineGone => bail!("the machine ended:\n{}", self.qemu.log()),
        }
    }

    /// Shuts the machine down as an admin would, boots it again, and waits until the boot is over.
    ///
    /// # Errors
    /// It does not shut down, or does not boot.
    pub(crate) fn reboot(&mut self) -> anyhow::Result<()> {
        let mut output = Vec::new();
        // The answer may come before the machine is off.
        let mut script = "systemctl poweroff\n";
        loop {
            match self.agent.run(script, PATIENCE, &mut output) {
                Ok(End::MachineGone) => break,
                Ok(End::Exit(0)) => script = "sleep infinity",
                ended => bail!(
                    "the machine does not shut down: {ended:?}:\n{}\n{}",
                    String::from_utf8_lossy(&output),
                    self.qemu.log()
                ),
            }
        }
        self.qemu.wait()?;
        self.boot()
    }

    /// Cuts the machine's power, boots it again, and waits until the boot is over.
    ///
    /// # Errors
    /// It does not boot.
    pub(crate) fn power_cut(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        self.boot()
    }

    /// Cuts the machine's power.
    ///
    /// # Errors
    /// The process cannot be killed.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.qemu.kill().context("qemu").map(drop)
    }

    /// Switches a machine on that was killed, or switched itself off. Does not wait for anything.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn switch_on(&mut self) -> anyhow::Result<()> {
        let parts = Parts {
            workshop: self.workshop,
            initrd: &self.guest.initrd(),
            directory: self.scratch.path(),
            payload: &self.payload,
        };
        (self.qemu, self.agent) = Qemu::start(&parts, &self.guest.booting())?;
        self.agent.go()
    }

    fn boot(&mut self) -> anyhow::Result<()> {
        self.switch_on()?;
        self.await_boot()
    }

    /// Waits until the boot of a machine that was switched on is over.
    ///
    /// # Errors
    /// It does not boot.
    pub(crate) fn await_boot(&mut self) -> anyhow::Result<()> {
        self.agent
            .await_boot(BOOT)
            .with_context(|| format!("the machine does not boot:\n{}", self.qemu.log()))?;
        // A failed unit makes it "degraded", which is for the scenario to judge.
        let boot = BOOT.as_secs();
        self.check(&format!(
            "timeout {boot} systemctl is-system-running --wait >/dev/null\n\
             [[ $? != 124 ]] || {{ echo 'the boot is not over after {boot} s'; systemctl list-jobs; exit 1; }}\n"
        ))
    }

    /// Opens a shell on the terminal that this process runs on.
    ///
    /// # Errors
    /// The machine ends first.
    pub(crate) fn shell(&mut self) -> anyhow::Result<()> {
        crate::forge::shell::run(&mut self.agent)
    }

    /// Runs what has to succeed.
    fn check(&mut self, script: &str) -> anyhow::Result<()> {
        let mut output = Vec::new();
        let end = self
            .agent
            .run(script, BOOT + PATIENCE, &mut output)
            .with_context(|| self.qemu.log())?;
        if end == End::Exit(0) {
            return Ok(());
        }
        bail!(
            "the machine is not well: {end:?}:\n{}\n{}",
            String::from_utf8_lossy(&output),
            self.qemu.log()
        )
    }
}
