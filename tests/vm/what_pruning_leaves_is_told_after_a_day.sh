# Somebody holds a snapshot that its policy keeps no longer. Sanoid passes over it and ends well. For a day that is nobody's
# concern; then it is told, once a day, with who uses it.

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.short]
hourly = 1
EOT
repository_init
declare_sonarr
sed -i '1i snapshots.policy = "short"' /etc/preseed/services/sonarr.toml
reload
systemctl start sonarr
add_series 'The Expanse'
told() {
    journalctl --sync
    journalctl --boot --output=cat PRESEED_OUTCOME=left | grep -c 'past the policy and cannot be destroyed' || true
}
time_is 10:00
systemctl start storage-snapshots
old=$(zfs list -H -t snapshot -o name "$DATASET")
zfs hold mine "$old"
for _ in 1 2; do
    time_passes 3600
    systemctl start storage-snapshots
done
# Until it is a day old, preseed holds it as well: it is the last good one.
for hours in 22 23; do
    time_passes $((hours * 3600))
    systemctl start storage-snapshots
    assert_eq 0 "$(told)" "after $hours h"
done
time_passes $((2 * 3600))
systemctl start storage-snapshots
assert_eq 1 "$(told)"
assert_journal storage-snapshots.service "^sonarr: 1 snapshot is past the policy .*${old#*@} .*zfs holds"
assert_contains "$(preseedctl status sonarr || true)" 'past their policy'
time_passes 3600
systemctl start storage-snapshots
assert_eq 1 "$(told)" 'once a day'

zfs release mine "$old"
systemctl start storage-snapshots
assert_exit 1 zfs list "$old"
time_passes 3600
systemctl start storage-snapshots
assert_lacks "$(preseedctl status sonarr || true)" 'past their policy'

# What a restore has replaced needs one: that is told of as what is kept.
kept=$(zfs list -H -t snapshot -o name -S creation "$DATASET" | head -n 1)
zfs clone -o canmount=off "$kept" "$DATASET:preseed-kept-20261127T080000.000Z-before-restic"
for hours in 22 1 25; do
    time_passes $((hours * 3600))
    systemctl start storage-snapshots
done
assert_exit 0 zfs list "$kept"
assert_eq 1 "$(told)"
assert_lacks "$(preseedctl status sonarr || true)" 'past their policy'
