# The data is removed, and the empty dataset is snapshotted twice more. The older snapshot that holds the data is
# cloned into place. The newer ones still exist under the name of what was replaced.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@good
lose_data /var/lib/sonarr
zfs snapshot tank/services/sonarr@empty-1
zfs snapshot tank/services/sonarr@empty-2
assert_exit 0 preseedctl plan sonarr
assert_contains "$output" 'tank/services/sonarr@empty-2  passed over: it is empty'
assert_contains "$output" 'a rollback to tank/services/sonarr@good would destroy tank/services/sonarr@empty-2'
assert_contains "$output" 'would restore tank/services/sonarr@good'
# A snapshot that no declared tier can restore is told of as well.
declare_sonarr 'tiers = ["rollback"]'
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" 'not started: there was data, and it is gone, and rollback did not restore it, for the reason told below'
assert_contains "$output" 'tank/services/sonarr@good  holds the data, but: a rollback to tank/services/sonarr@good would destroy'
declare_sonarr

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@good'
assert_journal preseed-sonarr.service '^sonarr: not used: rollback: .*would destroy tank/services/sonarr@empty-2: the tier .snapshot. restores it'
assert_no_journal preseed-sonarr.service 'unavailable'
assert_properties tank/services/sonarr \
    recordsize=16384 compression=zstd mountpoint=/var/lib/sonarr canmount=on origin=-
assert_not_ignored tank/services/sonarr
assert_mark tank/services/sonarr clone
kept=$(kept_datasets)
assert_matches "$kept" '^tank/services/sonarr:preseed-kept-[0-9]{8}T[0-9]{6}[.][0-9]{3}Z-before-clone$'
assert_eq "$kept@empty-1
$kept@empty-2" "$(zfs list -H -t snapshot -o name -s createtxg "$kept")" 'the newer snapshots'
assert_properties "$kept" canmount=noauto mounted=no org.openzfs.systemd:ignore=on
assert_eq 'tank/services/sonarr@good' "$(zfs list -H -t snapshot -o name tank/services/sonarr)"
add_series 'Firefly'

#: reboot
assert_series 'The Expanse' 'Firefly'
assert_properties "$(kept_datasets)" mounted=no
assert_eq '' "$(journalctl --boot --output=cat PRESEED_SERVICE=sonarr)" 'events of a boot that had nothing to do'
