//! The properties that are declared for a service's dataset.

use super::dataset::Zfs;

/// Whether the service's own file says what a property is to be.
pub(super) fn says(zfs: &Zfs<'_>, property: &str) -> bool {
    match property {
        "mountpoint" => zfs.service.mountpoint.is_own(),
        "recordsize" => zfs.dataset.recordsize.is_own(),
        "compression" => zfs.dataset.compression.is_own(),
        _ => false,
    }
}

/// What a dataset is created with besides what is declared. An admin may change it later.
///
/// `overlay=off`: `zfs mount -a` must not hide files either. `acltype` and `xattr`: what a backup holds
/// of access control lists and extended attributes can be restored, and is kept in the inode (zfsprops(7)).
pub(super) const AT_CREATION: [(&str, &str); 3] =
    [("overlay", "off"), ("acltype", "posix"), ("xattr", "sa")];

/// The properties of what takes the place of the service's dataset: those that its own file says, and those that the
/// dataset has; where there is none, all that are declared.
pub(super) fn declared(zfs: &Zfs<'_>) -> Vec<(&'static str, String)> {
    let seen = zfs.seen.borrow();
    let there = seen.as_ref().and_then(|seen| seen.dataset.as_ref());
    let mut properties = of_a_new_one(zfs);
    if let Some(there) = there {
        properties.retain_mut(|(property, value)| {
            if matches!(*property, "mountpoint" | "canmount") || says(zfs, property) {
                return true;
            }
            // What it inherits, its successor inherits as well.
            match there.value(property) {
                Some(has) if there.is_given(property) => {
                    has.clone_into(value);
                    true
                }
                _ => false,
            }
        });
    }
    properties
}

/// The declared properties and their values.
pub(super) fn of_a_new_one(zfs: &Zfs<'_>) -> Vec<(&'static str, String)> {
    vec![
        (
            "mountpoint",
            zfs.service.mountpoint.to_string_lossy().into_owned(),
        ),
        ("canmount", "on".to_owned()),
        ("recordsize", zfs.dataset.recordsize.bytes().to_string()),
        ("compression", zfs.dataset.compression.as_str().to_owned()),
    ]
}

/// The value as `zfs get` tells it: some are two names of one thing (zfsprops(7)).
pub(super) fn as_told<'a>(property: &str, value: &'a str) -> &'a str {
    match (property, value) {
        ("compression", "gzip-6") => "gzip",
        ("compression", "zstd-3") => "zstd",
        ("compression", "zstd-fast-1") => "zstd-fast",
        _ => value,
    }
}
