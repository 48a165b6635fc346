# After a clone has taken its place, the replaced dataset is kept with the snapshots that are newer than the restored
# one. `release` says so first. It refuses, with the cure, what somebody holds, has cloned, put below it or looks
# into; so does the timer. Nothing but a kept dataset can be released, and the data stays.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
echo half >/var/lib/sonarr/half
declare_sonarr 'on-partial = "restore"' 'keep-replaced = "1d"'
zfs snapshot "$DATASET@half-1"
zfs snapshot "$DATASET@half-2"
starts_with 'The Expanse'
kept=$(kept_datasets)

assert_exit 0 preseedctl kept
assert_contains "$output" "$kept
    was       $DATASET of service sonarr
    replaced  "
assert_contains "$output" "by a restore by clone from $DATASET@good"
assert_matches "$output" 'frees     [0-9.]+ KiB, with its 2 snapshots half-1, half-2'

# noted: the file in which this machine has noted what is known of what is kept.
noted() { echo "/var/lib/preseed/kept/$(zfs get -Hp -o value guid "$kept")"; }
is_kept_for_a_day() {
    cp "$(noted)" /run/note
    sed -i -E 's/( age=[^ ]+)?( counted=[^ ]+)? from=/ age=86400 from=/' "$(noted)"
}
refused() { # REGEX
    assert_exit 1 preseedctl release "$kept"
    assert_matches "$output" "^$kept: $1"
    assert_exit 0 preseedctl kept
    assert_contains "$output" 'kept on'
    zfs list "$kept@half-2" >/dev/null
}
# A hold of preseed's own, which came along, goes with it; one of somebody else's stays.
zfs hold preseed:good "$kept@half-1" "$kept@half-2"
zfs hold mine "$kept@half-1"
refused "somebody holds its snapshot $kept@half-1: .*zfs holds"
zfs release mine "$kept@half-1"
zfs clone -o mountpoint=none "$kept@half-2" tank/looked-into
refused "tank/looked-into was cloned from its snapshot $kept@half-2: .*zfs promote"
# The timer does not fail for what somebody needs: it says so.
systemctl start storage-preseed-kept
is_kept_for_a_day
systemctl start storage-preseed-kept
assert_journal storage-preseed-kept.service "kept on: $kept: tank/looked-into was cloned"
cp /run/note "$(noted)"
zfs destroy tank/looked-into
zfs create -o mountpoint=none "$kept/child"
refused "it has a child dataset \($kept/child\)"
zfs destroy "$kept/child"
mkdir /run/look
mount -t zfs -o zfsutil "$kept" /run/look
refused 'it is mounted: .*zfs unmount'
umount /run/look
for other in "$DATASET" "$kept@half-1" tank/services tank; do
    assert_exit 1 preseedctl release "$other"
    assert_contains "$output" "$other: no restore replaced this"
done
zfs send -p "$kept@half-2" | zfs receive -u -x mountpoint "tank/services/radarr:preseed-kept-20260101T000000Z-before-copy"
assert_exit 1 preseedctl release tank/services/radarr:preseed-kept-20260101T000000Z-before-copy
assert_contains "$output" 'no restore replaced this'

assert_exit 0 preseedctl release --yes "$kept"
assert_matches "$output" "^sonarr: released $kept: freed [0-9.]+ KiB, with its 2 snapshots half-1, half-2"
assert_exit 1 zfs list "$kept"
starts_with 'The Expanse'
zfs list "$DATASET@good" >/dev/null

# By the timer, once its time is over.
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
kept=$(kept_datasets | grep -v radarr)
systemctl start storage-preseed-kept
zfs list "$kept" >/dev/null
is_kept_for_a_day
systemctl start storage-preseed-kept
assert_exit 1 zfs list "$kept"
assert_journal storage-preseed-kept.service "released $kept: freed .* with its snapshot empty"
starts_with 'The Expanse'
