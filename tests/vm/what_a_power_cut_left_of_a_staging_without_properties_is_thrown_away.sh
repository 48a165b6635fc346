# ZFS makes a dataset and sets its properties a moment later. A power cut in between leaves a dataset without a mark
# where restores are staged. It holds nothing of its own, and is thrown away. Anything else that has that name is left
# alone.

staging=$DATASET:preseed-staging
sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
backup_sonarr

# Made by a clone, by a create, by a receive that can be gone on with: as the cut leaves each.
cloned() {
    zfs clone "$DATASET@good" "$staging"
}
created() {
    zfs create "$staging"
}
received() {
    # The stream ends before any data has come.
    zfs send "$DATASET@good" | head -c 700 | zfs receive -s -u "$staging" 2>/dev/null || true
    assert_matches "$(zfs get -H -o value receive_resume_token "$staging")" '^1-'
}
for made in cloned created received; do
    lose_data /var/lib/sonarr
    zfs snapshot "$DATASET@empty-$made"
    "$made"
    assert_properties "$staging" preseed:state=-
    starts_with 'The Expanse'
    assert_not_ignored "$DATASET"
done

# Where the data is there as well.
for made in cloned created received; do
    "$made"
    starts_with 'The Expanse'
    assert_exit 1 zfs list "$staging"
done
assert_journal preseed-sonarr 'threw away an interrupted restore'

# What was looked into for it is busy no more, however soon it is destroyed.
for made in cloned created cloned created; do
    "$made"
    /usr/lib/preseed/preseed-helper run sonarr
    assert_exit 1 zfs list "$staging"
done

# Below a container that an admin mounts, `zfs mount -a` has mounted it.
zfs set mountpoint=/services canmount=on tank/services
zfs create "$staging"
assert_exists "/services/sonarr:preseed-staging"
starts_with 'The Expanse'
assert_exit 1 zfs list "$staging"

# Somebody's: with a file in it, a snapshot of it, or more than what it was cloned from.
left_alone=0
somebody() {
    lose_data /var/lib/sonarr
    zfs snapshot "$DATASET@empty-$1"
    assert_refused sonarr 'preseed-staging: it stands where restores are staged, and is not preseed.s: look into it, rename it'
    zfs rename "$staging" "$DATASET-$1"
    starts_with 'The Expanse'
    # Nor where the data is there.
    zfs rename "$DATASET-$1" "$staging"
    starts_with 'The Expanse'
    left_alone=$((left_alone + 1))
    assert_eq "$left_alone" "$(unit_journal preseed-sonarr |
        grep -c 'what an earlier restore left cannot be put away: .*not preseed.s: look into it')"
    zfs rename "$staging" "$DATASET-$1"
}
zfs create "$staging"
echo photo >"/services/sonarr:preseed-staging/photo"
somebody file
assert_eq photo "$(cat /services/sonarr-file/photo)"

zfs create "$staging"
zfs snapshot "$staging@mine"
somebody snapshot
assert_exit 0 zfs list "$DATASET-snapshot@mine"

zfs clone "$DATASET@good" "$staging"
echo photo >"/services/sonarr:preseed-staging/photo"
zpool sync tank
somebody clone
assert_eq photo "$(cat /services/sonarr-clone/photo)"

zfs send "$DATASET@good" | head -c 3000 | zfs receive -s -u "$staging" 2>/dev/null || true
assert_matches "$(zfs send -n -v -t "$(zfs get -H -o value receive_resume_token "$staging")")" 'bytes = 0x[0-9a-f]{2,}'
somebody receive
