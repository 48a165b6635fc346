//! `[replica.NAME]` of `preseed.toml`: where the services' snapshots are replicated to.

use super::key::keys;
use crate::named_table::Notes;
use crate::value::{DatasetName, SshHost};

keys! {
    /// Where the snapshots of the services' datasets are replicated to. The tier `snapshot` asks it.
    table "[replica.NAME]";

    /// The machine it is on, as ssh takes it. A replica on another machine can be declared, but not asked yet: it
    /// counts as unavailable.
    host: SshHost = "host", default "none: a pool of this machine", example "\"nas-1\"";

    /// The dataset that holds the copies. A service's copy has the last part of the service's own dataset name in it.
    parent: DatasetName = "parent", default "none: it must be declared", example "\"vault/forge/services\"";
}

/// Where the datasets of a host are replicated to.
#[derive(Debug, Clone)]
pub(crate) struct ReplicaParent {
    pub(crate) host: Option<String>,
    pub(crate) parent: DatasetName,
}

impl Fragment {
    /// The replica. `None` if something is missing, which is noted.
    pub(crate) fn settle(self, table: &mut Notes) -> Option<ReplicaParent> {
        let parent = table.required(
            self.parent,
            "the replica's `parent`",
            "parent = \"backup/services\"",
        );
        Some(ReplicaParent {
            host: self.host.value().map(|SshHost(host)| host),
            parent: parent?,
        })
    }
}
