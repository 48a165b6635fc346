//! What the storage of many services looks like at one moment. It is only looked: nothing waits, and nothing is changed.

use std::time::Duration;

use declaration::settings::{Service, Storage};

pub use crate::surveyed::Surveyed;

use crate::open;
use crate::pools::{Fill, Pool};
use crate::zfs::call;
use crate::zfs::survey::Survey;

/// Looks at the storage of each of these services or places, in their order, and at their pools. Each pool is asked the same
/// few times, however many there are.
#[must_use]
pub fn survey(parts: &[&Service]) -> (Vec<Surveyed>, Vec<Pool>) {
    let zfs = Survey::of(parts, |_| true);
    let look = |service: &&Service| match &service.storage {
        Storage::Zfs(dataset) => zfs.look(service, dataset),
        Storage::Directory => Surveyed {
            observation: open(service).observe(),
            place: service.mountpoint.value.clone(),
            snapshots: Ok(Vec::new()),
            replicas: Vec::new(),
        },
    };
    (parts.iter().map(look).collect(), zfs.pools())
}

/// Looks how full the pools of these services or places are, and into those that are `full`: into most of them, most of the
/// time, nobody needs to. One that does not answer is not waited for long: others wait to be told of.
#[must_use]
pub fn pools(parts: &[&Service], full: impl Fn(&Fill) -> bool) -> Vec<Pool> {
    call::wait_at_most(Duration::from_mins(1));
    Survey::of(parts, full).pools()
}
