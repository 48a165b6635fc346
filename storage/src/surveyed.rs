//! What a look at the storage of many services shows of one.

use std::path::PathBuf;

use crate::{Observation, Result, Snapshot};

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
