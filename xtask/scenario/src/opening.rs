//! What many scenarios begin with.

/// First lines of scenarios, as they stand there. What they leave behind is on the disks; none of the services that
/// they declare still runs.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Its name.
    pub name: &'static str,
    /// Whole lines of bash.
    pub lines: &'static str,
}

/// Sonarr is declared and has data; none of it is in a backup.
pub const SONARR: Opening = Opening {
    name: "opening-sonarr",
    lines: "declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
",
};

/// The same with all three tiers declared; there is no snapshot of it, nor a replica.
pub const REPLICA: Opening = Opening {
    name: "opening-replica",
    lines: "sonarr_with 'The Expanse'\n",
};
