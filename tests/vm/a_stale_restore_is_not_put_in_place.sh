# A restore is complete, but cannot be put in place; it stays beside the dataset. The next start does not replay that
# decision but decides anew. A newer snapshot that holds the data wins, and so does another dataset. The copy is then
# kept as unused, one at most. An empty snapshot taken in between does not make it void.

sonarr_with 'The Expanse'
declare_sonarr 'tiers = ["snapshot"]'
reload
zfs snapshot "$DATASET@january"
zfs=$(command -v zfs)

# lose_and_seal SNAPSHOT: the data is lost, and its restore is complete when it fails.
lose_and_seal() {
    lose_data /var/lib/sonarr
    cat >/usr/local/sbin/zfs <<-EOT
	#!/bin/bash
	[[ \$1 != rename ]] || { echo "cannot rename '\$2': no" >&2; exit 1; }
	exec $zfs "\$@"
	EOT
    chmod +x /usr/local/sbin/zfs
    assert_refused sonarr 'zfs rename'
    rm /usr/local/sbin/zfs
    assert_matches "$(zfs get -H -o value preseed:state "$DATASET:preseed-staging")" "^staged .* from=$DATASET@$1$"
}

# Nothing newer holds the data.
lose_and_seal january
zfs snapshot "$DATASET@empty"
systemctl start dataset-sonarr
assert_exit 0 preseedctl plan sonarr
assert_contains "$output" "would finish an interrupted restore by clone from $DATASET@january"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "finished an interrupted restore by clone from $DATASET@january"
assert_eq '' "$(kept_datasets | grep unused || true)"
assert_not_ignored "$DATASET"
assert_properties "$DATASET" com.sun:auto-snapshot=- syncoid:sync=- preseed:aside=-

# An admin brings the data back and starts the service past preseed.
lose_and_seal january
mountpoint -q /var/lib/sonarr
zfs destroy "$DATASET@empty" 2>/dev/null || true
zfs rollback "$DATASET@january"
systemctl reset-failed
systemctl start sonarr --job-mode=ignore-dependencies
add_series Firefly
systemctl stop sonarr
zfs snapshot "$DATASET@june"
lose_data /var/lib/sonarr
assert_exit 0 preseedctl plan sonarr
assert_matches "$output" "an interrupted restore by clone from $DATASET@january: would be kept aside, since $DATASET@june .* is newer"
starts_with 'The Expanse' Firefly
assert_journal preseed-sonarr.service "an interrupted restore by clone from $DATASET@january is not used, since $DATASET@june .* is newer: it is kept as"
unused=$(kept_datasets | grep unused)
assert_properties "$unused" canmount=noauto mounted=no com.sun:auto-snapshot=false syncoid:sync=false

# The dataset was taken away, and with it what the copy was to replace; a replica holds the data. Of what is unused only the
# latest is kept.
replicate "$DATASET@june"
lose_and_seal june
umount /var/lib/sonarr
zfs rename -u "$DATASET" tank/away
preseedctl forget --yes sonarr
starts_with 'The Expanse' Firefly
assert_journal preseed-sonarr.service 'is not used, since what it was to replace is not there any more: it is kept as'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@june'
assert_eq 1 "$(kept_datasets | grep -c unused)"
assert_lacks "$(kept_datasets)" "$unused"
