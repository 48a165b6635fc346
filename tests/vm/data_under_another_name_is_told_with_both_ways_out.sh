# The service's dataset was renamed, or its declaration names another. No empty one is made in its stead, and nothing
# older is restored. The message has the way back, and the way to give the old one up. A copy, what a restore
# replaced, an empty dataset and one whose mark came with a stream do not count as the service's data.

sonarr_with 'The Expanse'
assert_matches "$(zfs get -H -o value preseed:state "$DATASET")" ' service=sonarr from='
backup_sonarr
zfs snapshot "$DATASET@good"
# None of these counts.
zfs send -p "$DATASET@good" | zfs receive -u -o mountpoint=none tank/copy
zfs clone -o mountpoint=none "$DATASET@good" tank/clone
systemctl start sonarr
add_series 'Firefly'
systemctl stop sonarr

zfs rename "$DATASET" tank/services/renamed
assert_refused sonarr "$DATASET: it is not there, and tank/services/renamed holds data .*zfs rename tank/services/renamed $DATASET.*preseedctl forget sonarr"
assert_exit 1 zfs list "$DATASET"
zfs rename tank/services/renamed "$DATASET"
starts_with 'The Expanse' 'Firefly'

# Another parent.
sed -i 's|tank/services|tank/other|' /etc/preseed/preseed.toml
reload
assert_refused sonarr "zfs rename $DATASET tank/other/sonarr"
umount /var/lib/sonarr
zfs rename "$DATASET" tank/other/sonarr
starts_with 'The Expanse' 'Firefly'

# Given up: a backup is restored, and the old one stays as it is.
sed -i 's|tank/other|tank/services|' /etc/preseed/preseed.toml
reload
assert_refused sonarr "zfs rename tank/other/sonarr $DATASET"
zfs set canmount=noauto tank/other/sonarr
umount /var/lib/sonarr
preseedctl forget --yes sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr 'restored by restic'
assert_properties tank/other/sonarr mounted=no
