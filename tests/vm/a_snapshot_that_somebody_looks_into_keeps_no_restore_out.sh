# Somebody has looked into .zfs/snapshot, as people and Samba do, and ZFS keeps that snapshot mounted for some
# minutes. That mount goes with the dataset, and stops neither a rollback nor a clone.
sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
look_into() {
    ls /var/lib/sonarr/.zfs/snapshot/good >/dev/null
    findmnt --noheadings "/var/lib/sonarr/.zfs/snapshot/good" >/dev/null || fail 'ZFS has mounted nothing'
}
lose_data /var/lib/sonarr
look_into
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by rollback'

lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
look_into
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@good'
