//! Properties that only some versions of ZFS know.

use std::sync::OnceLock;

use declaration::value::DatasetName;

use super::{call, words};
use crate::Error;

/// Those that can be declared, and that OpenZFS 2.1 does not know.
const SINCE_2_1: [&str; 3] = ["direct", "longname", "prefetch"];

/// What is known of each of these on this machine.
static KNOWN: [OnceLock<bool>; SINCE_2_1.len()] = [const { OnceLock::new() }; SINCE_2_1.len()];

/// Whether the machine's ZFS knows a property that can be declared. It is asked, about the pool of `dataset`, once and only
/// where it may not.
pub(super) fn is_known(dataset: &DatasetName, property: &str) -> bool {
    let Some(place) = SINCE_2_1.iter().position(|newer| *newer == property) else {
        return true;
    };
    *KNOWN[place].get_or_init(|| {
        let asked = ["get", "-H", "-o", "property", property, dataset.pool()];
        !call::try_zfs(&asked).is_ok_and(|ended| words::says_unknown_property(&ended))
    })
}

/// The error for a property that the machine's ZFS does not know.
pub(crate) fn unknown_here(dataset: &str, property: &str) -> Error {
    Error::new(
        dataset,
        format!("property `{property}` is declared, and the ZFS of this machine does not know it"),
        "remove it from the declaration, or install a newer ZFS (`zfs version`)",
    )
}
