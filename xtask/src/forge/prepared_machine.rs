//! A machine that was prepared once, from which many begin.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::forge::cache::{Cache, Scratch};
use crate::forge::guest::Guest;
use crate::forge::machine::Machine;
use crate::forge::qemu::{DISKS, Memory};
use crate::forge::recipe::succeed;
use crate::forge::workshop::Workshop;

/// A machine's disks and memory, stopped. It is deleted when this is dropped.
pub(crate) struct Bed {
    scratch: Scratch,
}

impl Bed {
    /// Prepares a machine with `script`, a stage, and stops it.
    ///
    /// # Errors
    /// The machine does not start, or the script fails.
    pub(crate) fn prepare(
        cache: &Cache,
        workshop: &Workshop,
        guest: &Guest,
        payload: PathBuf,
        name: &str,
        script: &str,
    ) -> anyhow::Result<Self> {
        let bed = Self {
            scratch: cache.scratch()?,
        };
        let booted = guest.booted();
        let memory = Memory {
            file: bed.memory().file,
            state: booted.state,
            kept: true,
        };
        succeed(
            Command::new("cp")
                .arg("--sparse=always")
                .args([&booted.file, &memory.file]),
        )?;
        let scratch = cache.scratch()?;
        guest.disks(scratch.path())?;
        let mut machine = Machine::start(scratch, workshop, guest, payload, &memory)?;
        machine.unpack()?;
        let mut output = Vec::new();
        let status = machine.stage(&format!("{name}.sh"), script, &mut output)?;
        if status != 0 {
            let output = String::from_utf8_lossy(&output);
            bail!("the bed {name} cannot be made: exit status {status}\n{output}");
        }
        let scratch = machine.save(&bed.state())?;
        for disk in DISKS {
            let file = format!("{disk}.qcow2");
            fs::rename(scratch.path().join(&file), bed.scratch.path().join(&file))
                .with_context(|| file)?;
        }
        Ok(bed)
    }

    /// A machine that goes on from it.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn machine<'a>(
        &self,
        cache: &Cache,
        workshop: &'a Workshop,
        guest: &'a Guest,
        payload: PathBuf,
    ) -> anyhow::Result<Machine<'a>> {
        let scratch = cache.scratch()?;
        for disk in DISKS {
            let file = format!("{disk}.qcow2");
            fs::copy(self.scratch.path().join(&file), scratch.path().join(&file))
                .with_context(|| file)?;
        }
        let mut machine = Machine::start(scratch, workshop, guest, payload, &self.memory())?;
        machine.set_clock()?;
        Ok(machine)
    }

    fn memory(&self) -> Memory {
        Memory {
            file: self.scratch.path().join("memory"),
            state: Some(self.state()),
            kept: false,
        }
    }

    fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }
}
