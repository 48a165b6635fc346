//! `[backup]` of `preseed.toml`: what the backups of all services have in common.

use super::key::keys;
use crate::value::HostName;

keys! {
    /// What the backups of all services have in common.
    table "[backup]";

    /// The host name that the snapshots in restic repositories carry, for all services that declare none. Once it is
    /// declared, snapshots of other hosts are reported, but no longer keep a service from a first start.
    host: HostName = "host", default "this machine's host name", example "\"forge\"";
}
