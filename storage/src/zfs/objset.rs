//! Whether a dataset is mounted anywhere, as the kernel tells it.
//!
//! While a file system is mounted, in whatever mount namespace, also in one that only a file keeps, and also after a
//! lazy unmount, OpenZFS has statistics of it in /proc (`dataset_kstats_create()` in its zfs_vfsops.c).

use std::path::Path;

use crate::{Error, Result};

/// Whether the dataset with this name and `objsetid` is mounted anywhere on this machine.
///
/// # Errors
/// When the kernel does not tell. That is never "not mounted".
pub(super) fn is_mounted_anywhere(dataset: &str, objsetid: Option<&str>) -> Result<bool> {
    let unknown = |what: String| {
        Error::new(
            dataset,
            format!("whether it is mounted anywhere cannot be told: {what}"),
            "see that the zfs module of this kernel is OpenZFS 2.1 or later: `zfs version`",
        )
    };
    let number: u64 = objsetid
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| unknown("`zfs get objsetid` gives no number".to_owned()))?;
    let pool = dataset.split(['/', '@']).next().unwrap_or(dataset);
    let statistics = Path::new("/proc/spl/kstat/zfs").join(pool);
    match statistics.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(unknown(format!("{} is not there", statistics.display()))),
        Err(error) => {
            return Err(unknown(format!("{}: {error}", statistics.display())).caused_by(&error));
        }
    }
    statistics
        .join(format!("objset-0x{number:x}"))
        .try_exists()
        .map_err(|error| unknown(format!("{}: {error}", statistics.display())).caused_by(&error))
}
