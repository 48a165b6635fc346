//! A machine for one scenario.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::agent::{Agent, End};
use crate::guest::{BOOT, Begin, Guest, Parts, Power, Unflushed, check};
use product::cache::{Cache, Scratch};

/// How long a stage of a scenario may take; the guest ends it then. On a machine under load, an emulated guest takes several times
/// what is usual.
const STAGE: Duration = Duration::from_mins(30);

/// How long a script may take that is not a stage.
const SCRIPT: Duration = Duration::from_mins(30);

/// After how long it is told what a boot still waits for. That alone fails nothing: a machine under load may take it.
const LONG_BOOT: Duration = Duration::from_mins(1);

/// How long what we run ourselves may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A machine with disks of its own, which go when it is dropped.
pub struct Machine<'a> {
    guest: &'a dyn Guest,
    payload: PathBuf,
    unflushed: Unflushed,
    power: Box<dyn Power>,
    agent: Agent,
    scratch: Scratch,
}

impl<'a> Machine<'a> {
    /// A machine of `guest` that begins as `begin` says, which is not [`Begin::PowerOn`].
    ///
    /// # Errors
    /// It does not start, or does not answer.
    pub fn begin(
        cache: &Cache,
        guest: &'a dyn Guest,
        payload: PathBuf,
        begin: Begin<'_>,
        unflushed: Unflushed,
    ) -> anyhow::Result<Self> {
        let scratch = cache.scratch()?;
        let parts = Parts {
            directory: scratch.path(),
            payload: &payload,
            unflushed,
        };
        let (power, agent) = guest.start(begin, &parts)?;
        Ok(Self {
            guest,
            payload,
            unflushed,
            power,
            agent,
            scratch,
        })
    }

    /// Where its disks are, absolute.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Stops a machine that was started with [`Begin::ToKeep`], and puts what it is into `to`.
    ///
    /// # Errors
    /// It cannot be stopped or written.
    pub fn keep(self, to: &Path) -> anyhow::Result<()> {
        self.power.keep(self.agent, to)
    }

    /// Runs a stage, as the file `name` in the machine, with `lib.sh`. Its output goes to `output`;
    /// if it fails, so does a report of the machine's state. Gives its exit status.
    ///
    /// # Errors
    /// The machine does not work any more.
    pub fn stage(
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
    pub fn stage_within(
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
            Ok(End::MachineGone) => bail!("the machine ended:\n{}", self.power.log()),
            Err(error) => Err(error).with_context(|| self.power.log()),
        }
    }

    /// Runs a bash script. Its output goes to `output`. Gives its exit status.
    ///
    /// # Errors
    /// The machine does not work any more.
    pub fn run(&mut self, script: &str, output: &mut dyn Write) -> anyhow::Result<i32> {
        match self.agent.run(script, SCRIPT, output)? {
            End::Exit(status) => Ok(status),
            End::MachineGone => bail!("the machine ended:\n{}", self.power.log()),
        }
    }

    /// Shuts the machine down as an admin would, boots it again, and waits until the boot is over.
    ///
    /// # Errors
    /// It does not shut down, or does not boot.
    pub fn reboot(&mut self) -> anyhow::Result<()> {
        let mut output = Vec::new();
        // The answer may come before the machine is off.
        let mut script = "systemctl poweroff\n";
        loop {
            match self.agent.run(script, BOOT, &mut output) {
                Ok(End::MachineGone) => break,
                Ok(End::Exit(0)) => script = "sleep infinity",
                ended => bail!(
                    "the machine does not shut down: {ended:?}:\n{}\n{}",
                    String::from_utf8_lossy(&output),
                    self.power.log()
                ),
            }
        }
        self.power.wait()?;
        self.boot()
    }

    /// Cuts the machine's power, boots it again, and waits until the boot is over.
    ///
    /// # Errors
    /// It does not boot.
    pub fn power_cut(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        self.boot()
    }

    /// Cuts the machine's power. Gives how many bytes are lost that were written and not flushed.
    ///
    /// # Errors
    /// The process cannot be killed.
    pub fn kill(&mut self) -> anyhow::Result<u64> {
        self.power.cut()
    }

    /// Switches a machine on that was killed, or switched itself off. Does not wait for anything.
    ///
    /// # Errors
    /// It does not start.
    pub fn switch_on(&mut self) -> anyhow::Result<()> {
        let parts = Parts {
            directory: self.scratch.path(),
            payload: &self.payload,
            unflushed: self.unflushed,
        };
        (self.power, self.agent) = self.guest.start(Begin::PowerOn, &parts)?;
        Ok(())
    }

    fn boot(&mut self) -> anyhow::Result<()> {
        self.switch_on()?;
        self.await_boot()
    }

    /// Waits until the boot of a machine that was switched on is over.
    ///
    /// # Errors
    /// It does not boot.
    pub fn await_boot(&mut self) -> anyhow::Result<()> {
        self.agent
            .await_boot(BOOT)
            .with_context(|| format!("the machine does not boot:\n{}", self.power.log()))?;
        // A failed unit makes it "degraded", which is for the scenario to judge.
        let long = LONG_BOOT.as_secs();
        let rest = BOOT.as_secs().saturating_sub(long);
        let script = format!(
            "still_boots() {{ timeout \"$1\" systemctl is-system-running --wait >/dev/null; [[ $? == 124 ]]; }}\n\
             still_boots {long} || exit 0\n\
             echo 'the boot is not over after {long} s, and waits for these jobs:'\n\
             systemctl list-jobs\n\
             ! still_boots {rest} || {{ echo 'nor after {rest} s more:'; systemctl list-jobs; exit 1; }}\n\
             echo 'It is over now. What systemd said of it:'\n\
             journalctl --boot --output=short-monotonic --no-pager _PID=1\n\
             exit 0\n"
        );
        let told = self.check(&script)?;
        if !told.is_empty() {
            let (guest, told) = (self.guest.name(), String::from_utf8_lossy(&told));
            eprintln!("{guest}: {}", told.trim_end());
        }
        Ok(())
    }

    /// Opens a shell on the terminal that this process runs on.
    ///
    /// # Errors
    /// The machine ends first.
    pub fn shell(&mut self) -> anyhow::Result<()> {
        crate::shell::run(&mut self.agent)
    }

    /// Runs what has to succeed. Gives its output.
    fn check(&mut self, script: &str) -> anyhow::Result<Vec<u8>> {
        check(&mut self.agent, &*self.power, script, BOOT + PATIENCE)
    }
}
