//! A dataset that a restore replaced and that is kept: looked into, destroyed.

use super::{half_created, inspect, kept_record, program};
use crate::{Error, ErrorKind, Result};

/// Whether nothing lies in a kept dataset, nor in any of its snapshots.
pub(crate) fn holds_nothing(name: &str, snapshots: &[String]) -> Result<bool> {
    /// Of more, it is not worth the look.
    const MANY: usize = 100;
    if snapshots.len() > MANY || !inspect::mounted(name, half_created::is_empty)? {
        return Ok(false);
    }
    for snapshot in snapshots {
        if !inspect::mounted(&format!("{name}@{snapshot}"), half_created::is_empty)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Destroys a dataset and its snapshots in one transaction group, if it is what it was and nobody uses it; else nothing.
///
/// A dataset that is mounted, or is the target of something else, has a long hold, which a rollback would not be allowed
/// with; its own destruction is told only of its snapshots while it has some (`dsl_dataset_rollback_check()`,
/// `dsl_destroy_head_check_impl()`).
const DESTROY: &str = r#"
args = ...
name, guid = args["argv"][1], args["argv"][2]
EBUSY = 16
if "guid:" .. tostring(zfs.get_prop(name, "guid")) ~= guid or not zfs.get_prop(name, "preseed:kept") then
    return "it is not what it was"
end
if zfs.check.rollback(name) == EBUSY then
    return "it is in use"
end
snapshots = {}
for snapshot in zfs.list.snapshots(name) do
    snapshots[#snapshots + 1] = snapshot
end
for child in zfs.list.children(name) do
    return child .. " lies below it"
end
for _, snapshot in ipairs(snapshots) do
    status = zfs.check.destroy(snapshot)
    if status ~= 0 then
        return snapshot .. " is in use (" .. status .. ")"
    end
end
if #snapshots == 0 then
    status = zfs.check.destroy(name)
    if status ~= 0 then
        return "it is in use (" .. status .. ")"
    end
end
for _, snapshot in ipairs(snapshots) do
    zfs.sync.destroy(snapshot)
end
status = zfs.sync.destroy(name)
if status ~= 0 then
    return "it is in use (" .. status .. ")"
end
return "done"
"#;

/// Destroys the kept dataset with this name and guid, with its snapshots. What else hangs on it, or uses it, makes ZFS refuse;
/// then nothing has changed.
pub(crate) fn destroy(name: &str, guid: u64) -> Result<()> {
    // As much memory and as many steps as ZFS allows: it may have many snapshots (zfs-program(8)).
    let most = ["-m", "104857600", "-t", "100000000"];
    // Numbers are signed there; `zfs` takes one that begins with a minus for an option.
    let argument = format!("guid:{}", guid.cast_signed());
    match program::run(name, &most, DESTROY, &[name, &argument])?.as_str() {
        "done" => {
            kept_record::forget(guid);
            Ok(())
        }
        why => Err(Error::new(
            name,
            why.escape_debug().to_string(),
            "see who with `preseedctl kept`, then release again",
        )
        .of_kind(ErrorKind::Busy)),
    }
}
