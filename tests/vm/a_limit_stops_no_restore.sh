# The dataset, or one above it, has a limit of snapshots and file systems. ZFS then counts both itself, tells these counts as
# set by hand, and goes on counting once the limit is gone. Every way to restore works as with any other property.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
restored_by() {
    starts_with 'The Expanse'
    assert_journal preseed-sonarr.service "restored by $1"
    journalctl --rotate --quiet
    journalctl --vacuum-time=1s --quiet
}
by_clone() {
    lose_data /var/lib/sonarr
    zfs snapshot "$DATASET@empty-$RANDOM"
    restored_by "snapshot from $DATASET@good"
}
by_receive() {
    umount /var/lib/sonarr
    zfs destroy -R "$DATASET"
    restored_by 'snapshot from vault/services/sonarr@good'
}
zfs set filesystem_limit=100 snapshot_limit=100 tank/services
by_clone
by_receive
zfs set filesystem_limit=none snapshot_limit=none tank/services
by_clone
by_receive
zfs set filesystem_limit=50 snapshot_limit=50 "$DATASET"
by_clone
assert_properties "$DATASET" filesystem_limit=50 snapshot_limit=50
zfs set filesystem_limit=none snapshot_limit=none "$DATASET"
by_clone

# Nor does one that is reached: ZFS holds root to none.
zfs set filesystem_limit=1 snapshot_limit=1 tank/services
by_clone
by_receive
