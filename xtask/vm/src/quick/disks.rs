//! The disks of a machine, and their files.

/// The disks, in the order of their names from `/dev/ubda` on.
pub(super) const DISKS: [&str; 3] = ["root", "tank", "vault"];

/// The file of a disk in a machine's directory.
pub(super) fn file(disk: &str) -> String {
    format!("{disk}.raw")
}
