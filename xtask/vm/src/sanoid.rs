//! The Sanoid of Debian 12, for machines that have a newer one: it is one script, and what it needs is in both.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::recipe::{self, Release, succeed};
use product::cache::{Cache, Entry};

/// Where its files are in a machine, for scenarios.
const PLACE: &str = "usr/lib/preseed-tests/sanoid-2.1";

/// What is taken of its package.
const FILES: [&str; 2] = ["usr/sbin/sanoid", "usr/share/sanoid/sanoid.defaults.conf"];

/// Puts it below `root`, fetched if it is not in the cache. Where it cannot be had, one line says so.
///
/// # Errors
/// It cannot be copied.
pub(crate) fn copy_into(cache: &Cache, root: &Path) -> anyhow::Result<()> {
    let entry = match fetched(cache) {
        Ok(entry) => entry,
        Err(error) => {
            eprintln!(
                "the Sanoid of Debian 12 cannot be had, and its scenario will fail: {error:#}"
            );
            return Ok(());
        }
    };
    let place = root.join(PLACE);
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    for file in FILES {
        let from = entry.join(file);
        let name = from.file_name().unwrap_or_default();
        fs::copy(&from, place.join(name)).with_context(|| from.display().to_string())?;
    }
    Ok(())
}

fn fetched(cache: &Cache) -> anyhow::Result<Entry> {
    let key = recipe::key(&FILES, &[])?;
    cache.entry("sanoid-2.1", &key, |directory| {
        let package = recipe::package(Release::Bookworm, "sanoid", directory)?;
        let mut extract = Command::new("dpkg-deb");
        succeed(extract.arg("--extract").args([&package, directory]))
    })
}
