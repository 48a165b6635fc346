//! What the kinds of storage can do: nobody else asks of which kind one is.

use std::fmt;

use super::{Dataset, Storage};

impl Storage {
    /// The dataset, if it is one.
    #[must_use]
    pub fn dataset(&self) -> Option<&Dataset> {
        match self {
            Self::Zfs(dataset) => Some(dataset),
            Self::Directory => None,
        }
    }

    /// Whether it is mounted at the service's mountpoint by itself, and is not a part of another file system.
    #[must_use]
    pub fn is_mounted(&self) -> bool {
        matches!(self, Self::Zfs(_))
    }

    /// Whether it has snapshots of its own.
    #[must_use]
    pub fn has_snapshots(&self) -> bool {
        matches!(self, Self::Zfs(_))
    }

    /// The device through which it is asked, and how that is used (systemd.resource-control(5), `DeviceAllow=`).
    #[must_use]
    pub fn device(&self) -> Option<&'static str> {
        matches!(self, Self::Zfs(_)).then_some("/dev/zfs rw")
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zfs(dataset) => write!(f, "dataset {}", dataset.name),
            Self::Directory => f.write_str("directory"),
        }
    }
}
