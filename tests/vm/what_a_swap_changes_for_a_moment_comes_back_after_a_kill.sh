# While a dataset is replaced, it is set not to be mounted by itself and not to be snapshotted. What takes its place
# is too, until it is there. After a kill at any step, what an admin had set is set again, and nothing else is.

sonarr_with 'The Expanse'
backup_sonarr
cp -a /var/lib/sonarr /run/data
declare_sonarr 'tiers = ["restic"]'
reload
# (Nothing here can share it, which is told and stops nothing.)
zfs set canmount=noauto com.sun:auto-snapshot=true sharenfs='ro=@10.0.0.0/8' "$DATASET" 2>/dev/null || true
by_hand() {
    zfs get -H -p -o property,value,source canmount,com.sun:auto-snapshot,syncoid:sync,sharenfs,readonly,org.openzfs.systemd:ignore \
        "$DATASET"
    findmnt -n -o OPTIONS /var/lib/sonarr
}
before=$(by_hand)
zfs_can_stop
killed_at() { # PATTERN: when `zfs` is called so
    find /var/lib/sonarr -mindepth 1 -delete
    stop_zfs_at "$1"
    systemctl reset-failed
    systemctl start --no-block preseed-sonarr
    zfs_has_stopped
    systemctl kill --signal=KILL preseed-sonarr
    eventually systemctl is-failed preseed-sonarr
}
# The data is back before anything was renamed.
killed_at "rename -u $DATASET *"
assert_properties "$DATASET" canmount=noauto com.sun:auto-snapshot=false
zfs mount "$DATASET"
cp -a /run/data/. /var/lib/sonarr
starts_with 'The Expanse'
assert_eq "$before" "$(by_hand)" 'the data was back'
assert_properties "$DATASET" preseed:kept=- preseed:aside=-

for step in "rename -u $DATASET *" "rename *:preseed-staging $DATASET" "set sharenfs=*$DATASET" \
    "set canmount=noauto $DATASET" "program tank - $DATASET *"; do
    killed_at "$step"
    starts_with 'The Expanse'
    assert_eq "$before" "$(by_hand)" "killed at $step"
    assert_properties "$DATASET" preseed:kept=- mounted=yes
done

# A restore by hand is killed while the dataset is still mounted, and given again without a start in between: what the first
# one set is not taken for what the admin had set.
stop_zfs_at "unshare $DATASET"
systemd-run --quiet --collect --unit=by-hand preseedctl restore sonarr --yes
zfs_has_stopped
systemctl kill --signal=KILL by-hand
eventually eval '! systemctl is-active --quiet by-hand'
assert_properties "$DATASET" canmount=noauto mounted=yes com.sun:auto-snapshot=false
assert_exit 0 preseedctl restore sonarr --yes
starts_with 'The Expanse'
assert_eq "$before" "$(by_hand)" 'given again by hand'
