# The service's dataset has a child that is mounted below it. A rollback brings the data back beside the child.
# A restore that replaces the dataset would move the child away: it is refused until the child is renamed out of it.

sonarr_with 'The Expanse'
zfs create "$DATASET/media"
echo film >/var/lib/sonarr/media/film
zfs snapshot "$DATASET@good"
find /var/lib/sonarr -xdev -mindepth 1 -delete 2>/dev/null || true
assert_eq 'media' "$(ls -A /var/lib/sonarr)" 'all that is left'

starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"
assert_eq 'film' "$(cat /var/lib/sonarr/media/film)"

# A file of the service's own beneath the mount is not taken for nothing.
zfs unmount "$DATASET/media"
echo hidden >/var/lib/sonarr/media/hidden
find /var/lib/sonarr -maxdepth 1 -type f -delete
zfs mount -O "$DATASET/media"
assert_refused sonarr 'its data is not there, and it is not empty'
zfs unmount "$DATASET/media"
assert_eq 'hidden' "$(cat /var/lib/sonarr/media/hidden)"
rm /var/lib/sonarr/media/hidden
zfs mount "$DATASET/media"

zfs snapshot "$DATASET@empty"
assert_exit 1 preseedctl plan sonarr
assert_matches "$output" "outcome .*not started: $DATASET: it has a child dataset"
assert_refused sonarr "it has a child dataset \($DATASET/media\).*rename the child out of it with .zfs rename $DATASET/media"
assert_eq '' "$(kept_datasets)" 'nothing was replaced'

# The cure: out of it, and in again.
zfs rename "$DATASET/media" tank/services/media
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
zfs rename tank/services/media "$DATASET/media"
zfs mount "$DATASET/media"
assert_eq 'film' "$(cat /var/lib/sonarr/media/film)"
starts_with 'The Expanse'
