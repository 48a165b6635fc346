//! A machine that was prepared once, from which many begin.

use std::path::PathBuf;

use anyhow::bail;

use crate::guest::{Begin, Guest, Unflushed};
use crate::machine::Machine;
use product::cache::{Cache, Entry, Scratch, copy};

/// What a prepared machine was when it was stopped.
pub(crate) struct PreparedMachine {
    kept: Kept,
}

enum Kept {
    /// Deleted when this is dropped.
    Now(Scratch),
    /// There for later runs.
    Later(Entry),
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
        Ok(Self {
            kept: Kept::Now(kept),
        })
    }

    /// The entry `kind-key` of `cache`: what `prepare` gives if it is not there.
    ///
    /// # Errors
    /// It cannot be prepared or copied.
    pub(crate) fn cached(
        cache: &Cache,
        guest: &dyn Guest,
        kind: &str,
        key: &str,
        prepare: impl FnOnce() -> anyhow::Result<Self>,
    ) -> anyhow::Result<Self> {
        let entry = cache.entry(kind, key, |directory| {
            copy(&guest.disks_of(&prepare()?.directory()), directory)
        })?;
        Ok(Self {
            kept: Kept::Later(entry),
        })
    }

    fn directory(&self) -> PathBuf {
        match &self.kept {
            Kept::Now(scratch) => scratch.path().to_owned(),
            Kept::Later(entry) => entry.join(""),
        }
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
            Begin::Kept(&self.directory()),
            unflushed,
        )
    }
}
