//! For tests: declarations.
#![allow(clippy::unwrap_used)]

use declaration::Search;
use declaration::settings::Service;

/// The service `app`, declared by `text`, on a machine `forge` with the repository `default`.
pub(crate) fn service(text: &str) -> Service {
    let root = tempfile::tempdir().unwrap();
    let preseed = root.path().join("etc/preseed");
    std::fs::create_dir_all(preseed.join("services")).unwrap();
    let host = "[repository.default]\nurl = \"/srv/repository\"\npassword-file = \"/etc/preseed/password\"\n";
    std::fs::write(preseed.join("preseed.toml"), host).unwrap();
    std::fs::write(preseed.join("services/app.toml"), text).unwrap();
    declaration::load_service(&Search::with_root(root.path()), "app").unwrap()
}
