//! What a machine has of what scenarios may need: `# needs: restic >= 0.17, quadlet`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

/// Prints a line `NAME VERSION` for each thing that the machine has.
pub const SCRIPT: &str = "
fact() { [[ -z $2 ]] || echo \"$1 $2\"; }
processors=$(nproc)
((processors < 2)) || fact smp \"$processors\"
fact systemd \"$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')\"
fact restic \"$(restic version 2>/dev/null | sed -n 's/^restic \\([0-9.]*\\).*/\\1/p')\"
fact zfs \"$(zfs version 2>/dev/null | sed -n '1s/^zfs-\\([0-9.]*\\).*/\\1/p')\"
[[ ! -e /usr/lib/systemd/system-generators/podman-system-generator ]] ||
    fact quadlet \"$(podman --version 2>/dev/null | sed -n 's/.* \\([0-9.]*\\)$/\\1/p')\"
";

/// What a scenario may need: the names that [`SCRIPT`] prints. More than one processor is `smp`.
const NAMES: [&str; 5] = ["smp", "systemd", "restic", "zfs", "quadlet"];

/// What [`SCRIPT`] printed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    versions: BTreeMap<String, String>,
}

impl Facts {
    /// What `output` of [`SCRIPT`] says; other lines are passed over.
    pub fn read(output: &str) -> Self {
        let facts = output.lines().filter_map(|line| line.split_once(' '));
        Self {
            versions: facts
                .filter(|(name, _)| NAMES.contains(name))
                .map(|(name, version)| (name.to_owned(), version.trim().to_owned()))
                .collect(),
        }
    }

    /// Why a scenario that needs `needs` (separated by commas) cannot pass here; `None` if it can.
    ///
    /// # Errors
    /// What it needs is not written as `NAME` or `NAME >= VERSION`, or nobody knows the name.
    pub fn lack(&self, needs: &str) -> anyhow::Result<Option<String>> {
        for need in needs.split(',').map(str::trim) {
            let (name, wanted) = match need.split_once(">=") {
                Some((name, version)) => (name.trim(), Some(version.trim())),
                None => (need, None),
            };
            if !NAMES.contains(&name) {
                bail!("`# needs: {need}`: write one of {}", NAMES.join(", "));
            }
            let Some(version) = self.versions.get(name) else {
                return Ok(Some(format!("needs {need}, which is not there")));
            };
            if let Some(wanted) = wanted
                && numbers(version)? < numbers(wanted)?
            {
                return Ok(Some(format!("needs {need}, which is {version} there")));
            }
        }
        Ok(None)
    }
}

fn numbers(version: &str) -> anyhow::Result<Vec<u32>> {
    version
        .split('.')
        .map(|part| {
            part.parse()
                .with_context(|| format!("`{version}` is no version"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lack(needs: &str) -> Option<String> {
        Facts::read("noise\nrestic 0.14.0\nsmp 2\n")
            .lack(needs)
            .unwrap()
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(lack("restic >= 0.9"), None);
        assert_eq!(lack("smp, restic >= 0.14"), None);
        assert_eq!(
            lack("smp, restic >= 0.17").as_deref(),
            Some("needs restic >= 0.17, which is 0.14.0 there")
        );
        assert_eq!(
            lack("quadlet").as_deref(),
            Some("needs quadlet, which is not there")
        );
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error() {
        let error = Facts::default().lack("quadlets").unwrap_err();
        assert!(error.to_string().contains("quadlets"), "{error}");
        assert!(Facts::read("restic 0.14").lack("restic >= new").is_err());
    }
}
