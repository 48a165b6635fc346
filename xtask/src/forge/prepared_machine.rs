//! A machine that was prepared once, from which many begin.

use std::path::PathBuf;

use anyhow::bail;

use crate::forge::cache::{Cache, Scratch};
use crate::forge::guest::{Begin, Guest, Unflushed};
use crate::forge::machine::Machine;

/// What a prepared machine was when it was stopped. It is deleted when this is dropped.
pub(crate) struct PreparedMachine {
    kept: Scratch,
}

impl PreparedMachine {
    /// Prepares a machine with `script`, a stage, and stops it.
    ///
    /// # Errors
    /// The machine does not start, or the script fails.
    pub(crate) fn prepare(
        cache: &Cache,
        guest: &dyn Guest,
        payload: PathBuf,
        name: &str,
        script: &str,
    ) -> anyhow::Result<Self> {
        let kept = cache.scratch()?;
        let mut machine = Machine::begin(
            cache,
            guest,
            payload,
            Begin::ToKeep(kept.path()),
            Unflushed::Kept,
        )?;
        let mut output = Vec::new();
        let status = machine.stage(&format!("{name}.sh"), script, &mut output)?;
        if status != 0 {
            let output = String::from_utf8_lossy(&output);
            bail!("{name} cannot be prepared: exit status {status}\n{output}");
        }
        machine.keep(kept.path())?;
        Ok(Self { kept })
    }

    /// A machine that goes on from it.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn machine<'a>(
        &self,
        cache: &Cache,
        guest: &'a dyn Guest,
        payload: PathBuf,
        unflushed: Unflushed,
    ) -> anyhow::Result<Machine<'a>> {
        Machine::begin(
            cache,
            guest,
            payload,
            Begin::Kept(self.kept.path()),
            unflushed,
        )
    }
}
