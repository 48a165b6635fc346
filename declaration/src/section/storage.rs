//! `[storage]` of `preseed.toml`: where the host's services keep their data unless they say otherwise.

use std::path::PathBuf;
use std::str::FromStr;

use super::key::keys;
use crate::given::At;
use crate::value::{AbsolutePath, Count, DatasetName, Invalid, Value, one_of};

keys! {
    /// Where the host's services keep their data.
    table "[storage]";

    /// What the data is kept on. `zfs` gives each service a dataset of its own. `directory` works on any file system,
    /// with the tier `restic` alone.
    backend: Backend = "backend", default "`\"zfs\"`", example "\"directory\"";

    /// The dataset in which a service's dataset is made if the service does not name it.
    parent: DatasetName = "parent", default "`\"rpool/safe/persist\"`", example "\"tank/services\"";

    /// The directory below which a service's data is mounted if the service has no `mountpoint`.
    mount_base: AbsolutePath = "mount-base", default "`\"/srv\"`", example "\"/var/lib\"";

    /// How many restores that move data run at once on this machine, from 1 to 100. The others wait.
    max_parallel_restores: Count<100> = "max-parallel-restores", default "`2`", example "3";
}

/// What a host keeps its services' data on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Backend {
    #[default]
    Zfs,
    Directory,
}

impl FromStr for Backend {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of(
            "backend",
            text,
            [("zfs", Self::Zfs), ("directory", Self::Directory)],
        )
    }
}

impl Value for Backend {
    const EXAMPLE: &'static str = "\"zfs\"";
}

/// Where the host's services keep their data.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) backend: Backend,
    /// Where a service without a dataset of its own name goes.
    pub(crate) parent: At<DatasetName>,
    /// Where a service without a mountpoint goes.
    pub(crate) mount_base: At<PathBuf>,
    /// How many restores that move data run at once.
    pub(crate) max_parallel_restores: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Fragment::default().settle()
    }
}

impl Fragment {
    /// The settings. What could not be read is a problem already, and has its default here.
    pub(crate) fn settle(self) -> Settings {
        let mount_base = self.mount_base.map(|AbsolutePath(path)| path).into_at();
        Settings {
            backend: self.backend.value().unwrap_or_default(),
            parent: self
                .parent
                .into_at()
                .unwrap_or_else(|| At::default(DatasetName("rpool/safe/persist".to_owned()))),
            mount_base: mount_base.unwrap_or_else(|| At::default(PathBuf::from("/srv"))),
            max_parallel_restores: self
                .max_parallel_restores
                .value()
                .map_or(2, |Count(count)| count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::check::{refuses, takes};

    #[test]
    fn backends() {
        takes::<Backend>(&["zfs", "directory"]);
        refuses::<Backend>(&[
            ("zsf", "there is no backend `zsf`: did you mean `zfs`?"),
            (
                "btrfs",
                "there is no backend `btrfs`: take `zfs` or `directory`",
            ),
        ]);
    }
}
