//! Declarations to measure with: 20 lines each, over a template, with all three tiers.

use std::fs;
use std::io;
use std::path::Path;

use product::binaries::workspace;

const HOST: &str = r#"
[storage]
parent = "tank/services"

[repository.nas-primary]
url = "rest:https://nas-1:8000/forge"
password-file = "/etc/preseed/secrets/nas-primary"

[replica.vault]
parent = "vault/forge/services"
"#;

/// Declares `count` services below `root`.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(root: &Path, count: u32) -> io::Result<()> {
    let services = root.join("etc/preseed/services");
    let catalog = root.join("usr/lib/preseed/catalog");
    fs::create_dir_all(&services)?;
    fs::create_dir_all(&catalog)?;
    fs::copy(
        workspace().join("units/catalog/sonarr.toml"),
        catalog.join("sonarr.toml"),
    )?;
    fs::write(root.join("etc/preseed/preseed.toml"), HOST)?;
    (0..count).try_for_each(|number| {
        fs::write(
            services.join(format!("app{number}.toml")),
            declaration(number),
        )
    })
}

fn declaration(number: u32) -> String {
    format!(
        r#"template = "sonarr"

[dataset]
recordsize  = "16K"
compression = "zstd"
mountpoint  = "/var/lib/app{number}"
owner = "sonarr"
group = "sonarr"
mode  = "0700"

[preseed]
unit  = "podman-app{number}.service"
tiers = ["rollback", "snapshot", "restic"]
expect = ["sonarr.db", "config.xml"] # what makes the directory the service's data
replicas = ["vault"]

[backup]
repository = "nas-primary"
exclude = [".cache", "cache", "*.tmp", "logs/*.txt"]
tags = ["sonarr", "media", "database"]
"#
    )
}
