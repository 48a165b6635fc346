//! What the storage of many services looks like at one moment. It is only looked: nothing waits, and nothing is changed.

use std::path::PathBuf;

use declaration::settings::{Service, Storage};

use crate::zfs::survey::Survey;
use crate::{Observation, Result, Snapshot, open};

/// What was seen of the storage of one service, or of a place of one.
#[derive(Debug)]
pub struct Surveyed {
    /// What a look at it showed, or why it cannot be looked at.
    pub observation: Result<Observation>,
    /// Where it is mounted, or would be (absolute).
    pub place: PathBuf,
    /// Its own snapshots, newest first; none where it cannot have any.
    pub snapshots: Result<Vec<Snapshot>>,
    /// Those of each of its replicas in pools of this machine, by the replica's name.
    pub replicas: Vec<(String, Result<Vec<Snapshot>>)>,
}

/// Looks at the storage of each of these services or places, in their order. Each pool is asked the same few times, however
/// many there are.
#[must_use]
pub fn survey(parts: &[&Service]) -> Vec<Surveyed> {
    let zfs = Survey::of(parts);
    let look = |service: &&Service| match &service.storage {
        Storage::Zfs(dataset) => zfs.look(service, dataset),
        Storage::Directory => Surveyed {
            observation: open(service).observe(),
            place: service.mountpoint.value.clone(),
            snapshots: Ok(Vec::new()),
            replicas: Vec::new(),
        },
    };
    parts.iter().map(look).collect()
}
