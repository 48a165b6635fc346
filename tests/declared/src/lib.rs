//! For the tests of the crates: a service as a user would declare it.

use std::fs;

use anyhow::anyhow;
use declaration::Search;
use declaration::settings::Service;

/// A `preseed.toml` that declares the repository `default`, for [`service`].
pub const REPOSITORY: &str =
    "[repository.default]\nurl = \"/srv/repository\"\npassword-file = \"/etc/preseed/password\"\n";

/// The service `name`, declared by the text of its own file, on a machine whose `preseed.toml` is `host`;
/// `None`: it has none.
///
/// # Errors
/// When the files cannot be written, or the declaration is not sound: with all that is wrong with it.
pub fn service(name: &str, host: Option<&str>, text: &str) -> anyhow::Result<Service> {
    let root = tempfile::tempdir()?;
    let preseed = root.path().join("etc/preseed");
    fs::create_dir_all(preseed.join("services"))?;
    if let Some(host) = host {
        fs::write(preseed.join("preseed.toml"), host)?;
    }
    fs::write(preseed.join("services").join(format!("{name}.toml")), text)?;
    declaration::load_service(&Search::with_root(root.path()), name).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!(told.join("\n"))
    })
}
