# canmount=noauto stays so, and the dataset is mounted with its data. canmount=off says that it is a container. That
# is refused: to change it could mount what nobody wanted to see there.

sonarr_with 'The Expanse'
umount /var/lib/sonarr
zfs set canmount=noauto "$DATASET"
starts_with 'The Expanse'
assert_properties "$DATASET" canmount=noauto mounted=yes
assert_journal dataset-sonarr.service '^sonarr: mounted '

umount /var/lib/sonarr
zfs set canmount=off "$DATASET"
assert_refused sonarr "$DATASET: it has canmount=off.*.zfs set canmount=on $DATASET"
assert_properties "$DATASET" canmount=off mounted=no
zfs set canmount=on "$DATASET"
starts_with 'The Expanse'
