//! The initrd of the emulated guest.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};

use super::qemu_root::QemuRoot;
use crate::recipe;

/// Packs busybox, the modules a boot needs and `init` into `initrd` in `directory` (absolute).
///
/// # Errors
/// A file cannot be copied, or cpio fails.
pub(super) fn pack(directory: &Path, qemu_root: &QemuRoot) -> anyhow::Result<()> {
    let tree = tempfile::tempdir_in(directory)?;
    for name in ["bin", "dev", "proc", "sys", "root", "etc"] {
        fs::create_dir(tree.path().join(name))?;
    }
    let mut files = vec![
        (qemu_root.join("usr/bin/busybox"), "bin/busybox".to_owned()),
        (recipe::file("init"), "init".to_owned()),
    ];
    // `init` loads each list's in its order.
    let mut loaded = BTreeSet::new();
    for (list, programs) in [
        ("first", ["virtio_pci", "virtio_console", "zfs"].as_slice()),
        ("disks", &["virtio_blk"]),
    ] {
        let mut names = String::new();
        for module in qemu_root.with_dependencies(programs)? {
            if !loaded.insert(module.clone()) {
                continue;
            }
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            names.push_str(&name);
            names.push('\n');
            files.push((qemu_root.modules().join(&module), name.into_owned()));
        }
        let path = directory.join(list);
        fs::write(&path, names)?;
        files.push((path, list.to_owned()));
    }
    let mut names = String::from(".\nbin\ndev\nproc\nsys\nroot\netc\n");
    for (from, name) in files {
        let to = tree.path().join(&name);
        fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        fs::set_permissions(&to, Permissions::from_mode(0o755))?;
        names.push_str(&name);
        names.push('\n');
    }
    let list = directory.join("initrd.list");
    fs::write(&list, names)?;
    let status = qemu_root
        .program("usr/bin/cpio")
        .args(["--create", "--format=newc", "--quiet"])
        .current_dir(tree.path())
        .stdin(File::open(&list)?)
        .stdout(File::create(directory.join("initrd"))?)
        .stderr(Stdio::inherit())
        .status()
        .context("cpio")?;
    if !status.success() {
        bail!("cpio: {status}");
    }
    fs::remove_file(&list)?;
    Ok(())
}
