//! The host that backups are filed under.

use declaration::settings::Backup;
use storage::{Error, Result};

/// The host that a service's snapshots carry.
///
/// # Errors
/// When none is declared, and the machine has no name of its own.
pub fn host(backup: &Backup) -> Result<String> {
    backup.host.clone().map_or_else(this_host, Ok)
}

/// This machine's name, which backups are filed under where no other is declared.
///
/// # Errors
/// When it has none of its own.
fn this_host() -> Result<String> {
    let unknown = |why: String| Error::new("host name", why, "declare `host` in [backup]");
    let name = nix::unistd::gethostname().map_err(|error| unknown(error.to_string()))?;
    let name = name
        .into_string()
        .map_err(|_| unknown("it is not UTF-8".into()))?;
    // Names that a machine has before it is told its own.
    if matches!(
        name.as_str(),
        "" | "localhost" | "localhost.localdomain" | "(none)"
    ) {
        return Err(unknown(format!(
            "it is `{name}`, which no backup is filed under"
        )));
    }
    Ok(name)
}
