# A restore was complete, and the power went before it took the dataset's place. Meanwhile somebody has brought the
# data back by hand. The data that is there wins. The complete copy is kept, so that it does not take its place at
# some later loss.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
zfs clone -o canmount=noauto -o mountpoint=/run/preseed/staging/sonarr "$DATASET@good" "$DATASET:preseed-staging"
guid=$(zfs get -H -p -o value guid "$DATASET:preseed-staging")
zfs set "preseed:state=staged of=guid:$guid by=clone at=2026-11-23T07:00:00Z from=$DATASET@good" "$DATASET:preseed-staging"

# Somebody took a snapshot of it, with a name for which a kept one has no room.
LONG=$(head -c $((254 - ${#DATASET} - 16)) /dev/zero | tr '\0' x)
zfs snapshot "$DATASET:preseed-staging@$LONG"

starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'the data is there without an interrupted restore by clone, which is kept as'
assert_exit 1 zfs list "$DATASET:preseed-staging"
kept=$(kept_datasets)
assert_matches "$kept" "^$DATASET:preseed-kept-[0-9a-z]{2}$"
assert_matches "$(zfs get -H -o value preseed:kept "$kept")" why=unused-restore
zfs destroy "$kept@$LONG"
assert_properties "$kept" canmount=noauto mounted=no
assert_eq 'sonarr.db' "$(cd /run && mkdir look && mount -t zfs -o zfsutil "$kept" look && ls look | grep db && umount look)"

# At a later loss it is a kept one, and no candidate.
systemctl start sonarr
add_series Firefly
systemctl stop sonarr
zfs snapshot "$DATASET@better"
lose_data /var/lib/sonarr
starts_with 'The Expanse' Firefly
