//! How full a pool is, and what lies in it besides the services' data as it is now.

use crate::Result;

/// A pool of services, or of their replicas.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How full it is, or why that cannot be told.
    pub fill: Result<Fill>,
    /// What lies directly below the parents of services in it; those of others are among them. None where nobody asked.
    pub datasets: Result<Vec<InPool>>,
}

/// How full a pool is, as `zpool list` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// All its bytes.
    pub size: u64,
    /// Those in use.
    pub allocated: u64,
    /// The part of them that is in use, in hundredths, rounded down: `CAP`.
    pub percent: u64,
}

/// A dataset and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPool {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: What,
    /// The dataset in whose place it is, or was, or is to be; itself, if it is in its place.
    pub of: String,
    /// What is free once it is destroyed with all its snapshots.
    pub used: u64,
    /// What is free once all its snapshots are destroyed, and nothing else.
    pub snapshots: u64,
    /// Those of its snapshots that somebody holds, each with the bytes that only it keeps. Of what is not in its place, and
    /// where nobody asked, none.
    pub held: Vec<(String, u64)>,
}

/// What a dataset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A service's or anybody else's, in its place.
    InPlace,
    /// A restore replaced it, or did not need it.
    Kept,
    /// A restore prepares it, or has left it.
    Staged,
    /// The same of a drill.
    OfADrill,
}
