# Somebody may set user properties of a service's dataset, as tools that take snapshots may, and nothing else. What preseed
# notes there of shares is written over: nothing is shared with anybody for it, neither at a start nor by a restore.

sonarr_with 'The Expanse'
zfs allow sonarr userprop "$DATASET"
# Where udev has its rules, everybody may ask ZFS.
chmod 666 /dev/zfs
as_user() { runuser -u sonarr -- "$@"; }
# The exit status is another one with each release of ZFS.
if as_user zfs set sharenfs=rw "$DATASET" 2>/var/tmp/refusal; then fail 'it may set more'; fi
assert_contains "$(cat /var/tmp/refusal)" 'permission denied'
NOTE='- - =off =rw,no_root_squash =on'
is_not_shared() {
    assert_properties "$DATASET" sharenfs=off sharesmb=off canmount=on mounted=yes
}

# As if a restore had been interrupted that replaced what was shared with all the world.
guid=$(zfs get -Hp -o value guid "$DATASET")
as_user zfs set preseed:aside="$NOTE" preseed:sealed="over=guid:$guid changed=1.0 taken=2026-01-01T00:00:00Z" \
    preseed:state="staged of=guid:$guid by=x at=2026-01-01T00:00:00Z from=x" "$DATASET"
starts_with 'The Expanse'
assert_journal dataset-sonarr.service 'finished an interrupted restore by x'
is_not_shared

# Before a restore that replaces it.
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
as_user zfs set preseed:aside="$NOTE" "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
is_not_shared
