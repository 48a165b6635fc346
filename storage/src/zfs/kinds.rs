//! All kinds of properties that a dataset has, and what becomes of each when another dataset takes its place.

/// The property that says when and why a dataset was replaced.
pub(super) const KEPT: &str = "preseed:kept";

/// Keeps zfs-mount-generator(8) away from datasets that are not in their place.
pub(super) const IGNORED: &str = "org.openzfs.systemd:ignore";

/// What a property is, seen from what takes the dataset's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PropertyKind {
    /// What ZFS tells of this one dataset. Nobody can set it; some counts are told as if somebody had.
    ReadOnly,
    /// Chosen when it is made, and never changed: what is made anew must be made with it.
    AtCreation,
    /// Of its encryption, which a clone has from its origin, and a copy is made with.
    Encryption,
    /// Declared for the service, or found and kept: see `declared`.
    Declared,
    /// Of this one dataset and not of its successor: space is not reserved twice.
    Stays,
    /// How it is shared. Nothing is shared before it is in its place, so it is set last.
    Shared,
    /// Of a volume, which no service's dataset is.
    OfVolumes,
    /// Preseed's own.
    Ours,
    /// What an admin may have set: its successor gets it when it is made.
    Carried,
}

/// What kind a property is. One that is not known was made up by an admin, or is of a later ZFS: it is carried over.
pub(super) fn of(property: &str) -> PropertyKind {
    match property {
        "available"
        | "clones"
        | "compressratio"
        | "createtxg"
        | "creation"
        | "defer_destroy"
        | "encryptionroot"
        | "filesystem_count"
        | "guid"
        | "inconsistent"
        | "keystatus"
        | "logicalreferenced"
        | "logicalused"
        | "mounted"
        | "objsetid"
        | "origin"
        | "prevsnap"
        | "receive_resume_token"
        | "redact_snaps"
        | "redacted"
        | "refcompressratio"
        | "referenced"
        | "remaptxg"
        | "snapshot_count"
        | "snapshots_changed"
        | "type"
        | "used"
        | "usedbychildren"
        | "usedbydataset"
        | "usedbyrefreservation"
        | "usedbysnapshots"
        | "userrefs"
        | "version"
        | "written" => PropertyKind::ReadOnly,
        "casesensitivity" | "normalization" | "utf8only" => PropertyKind::AtCreation,
        "encryption" | "keyformat" | "keylocation" | "pbkdf2iters" | "pbkdf2salt" => {
            PropertyKind::Encryption
        }
        "canmount" | "compression" | "mountpoint" | "recordsize" => PropertyKind::Declared,
        "refreservation" | "reservation" | "zoned" => PropertyKind::Stays,
        "sharenfs" | "sharesmb" => PropertyKind::Shared,
        "volblocksize" | "volsize" | "volthreading" => PropertyKind::OfVolumes,
        IGNORED => PropertyKind::Ours,
        _ if property.starts_with("preseed:") => PropertyKind::Ours,
        _ => PropertyKind::Carried,
    }
}

/// Whether a value, as `zfs get -p` tells it, says that there is no limit. It can only be set as `none`, and is none
/// unless it is set.
pub(super) fn is_no_limit(property: &str, value: &[u8]) -> bool {
    match property {
        "quota" | "refquota" => value == b"0" || value == b"none",
        "filesystem_limit" | "snapshot_limit" => {
            value == b"18446744073709551615" || value == b"none"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `zfs get -H -o property all` prints of a file system: OpenZFS 2.1.11 (Debian 12).
    const OF_2_1: &str = "type creation used available referenced compressratio mounted quota reservation recordsize \
        mountpoint sharenfs checksum compression atime devices exec setuid readonly zoned snapdir aclmode aclinherit \
        createtxg canmount xattr copies version utf8only normalization casesensitivity vscan nbmand sharesmb refquota \
        refreservation guid primarycache secondarycache usedbysnapshots usedbydataset usedbychildren \
        usedbyrefreservation logbias objsetid dedup mlslabel sync dnodesize refcompressratio written logicalused \
        logicalreferenced volmode filesystem_limit snapshot_limit filesystem_count snapshot_count snapdev acltype \
        context fscontext defcontext rootcontext relatime redundant_metadata overlay encryption keylocation keyformat \
        pbkdf2iters special_small_blocks snapshots_changed origin receive_resume_token encryptionroot keystatus";

    /// What 2.3.9 (Debian 13) prints besides.
    const OF_2_3: &str = "prefetch direct longname";

    /// Those that an admin sets and what takes the dataset's place gets when it is made.
    const CARRIED: &str = "aclinherit aclmode acltype atime checksum context copies dedup defcontext devices direct \
        dnodesize exec filesystem_limit fscontext logbias longname mlslabel nbmand overlay prefetch primarycache quota \
        readonly redundant_metadata refquota relatime rootcontext secondarycache setuid snapdev snapdir \
        snapshot_limit special_small_blocks sync volmode vscan xattr";

    #[test]
    fn each_property_that_zfs_prints_has_its_kind() {
        let all = OF_2_1.split_whitespace().chain(OF_2_3.split_whitespace());
        let mut carried: Vec<&str> = all.filter(|p| of(p) == PropertyKind::Carried).collect();
        carried.sort_unstable();
        assert_eq!(carried, CARRIED.split_whitespace().collect::<Vec<_>>());
        // Told with the source `local`, though nobody can set it.
        assert_eq!(of("snapshot_count"), PropertyKind::ReadOnly);
        assert_eq!(of("org.example:note"), PropertyKind::Carried);
        assert_eq!(of("preseed:state"), PropertyKind::Ours);
    }
}
