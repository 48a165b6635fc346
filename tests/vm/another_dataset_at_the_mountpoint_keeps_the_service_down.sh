# Something else is seen at the mountpoint: another dataset, or a file system that was mounted later above it. The
# service does not start on it, and its own dataset is left as it is.

sonarr_with 'The Expanse'
umount /var/lib/sonarr
zfs create -o mountpoint=/var/lib/sonarr tank/other
assert_refused sonarr "/var/lib/sonarr: zfs .tank/other. is mounted there, not $DATASET: .*.zfs set mountpoint=… tank/other"
zfs set mountpoint=none tank/other
starts_with 'The Expanse'

# Mounted over it, where its own mount hides nothing (overlay=on).
zfs set mountpoint=/var/lib/sonarr tank/other
mountpoint -q /var/lib/sonarr
assert_eq tank/other "$(findmnt --noheadings --output SOURCE --mountpoint /var/lib/sonarr | tail -n 1)"
assert_refused sonarr 'zfs .tank/other. is mounted there'
zfs set mountpoint=none tank/other
starts_with 'The Expanse'

mount -t tmpfs tmpfs /var/lib
assert_refused sonarr "/var/lib/sonarr: $DATASET is mounted there, but something mounted later above it covers it: see what with .findmnt."
umount /var/lib
starts_with 'The Expanse'
