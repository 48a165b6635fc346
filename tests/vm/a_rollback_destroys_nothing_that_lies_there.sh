# The data is lost, and the newest snapshot holds it. But a rollback would destroy something: the contents of
# `lost+found`, which on ZFS is a directory like any other; or all of the dataset, if only an empty directory of it is
# seen at the mountpoint. Nothing is rolled back.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
mkdir /var/lib/sonarr/lost+found
echo 'the only copy' >'/var/lib/sonarr/lost+found/#12345'
assert_refused sonarr 'its data is not there, and it is not empty: sonarr.db, config.xml are missing'
assert_eq 'the only copy' "$(cat '/var/lib/sonarr/lost+found/#12345')"

# Also where it is empty: no ZFS makes it.
rm '/var/lib/sonarr/lost+found/#12345'
assert_refused sonarr 'its data is not there, and it is not empty'
rmdir /var/lib/sonarr/lost+found

# An empty directory of the dataset is bind-mounted over it, at its mountpoint or above it.
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"
systemctl start sonarr
add_series Firefly
systemctl stop sonarr
install -d -o sonarr /var/lib/sonarr/empty/sonarr
mount --bind /var/lib/sonarr/empty /var/lib/sonarr
assert_refused sonarr "only the directory /empty of $DATASET is mounted there .a bind mount.*umount '/var/lib/sonarr'"
umount /var/lib/sonarr
mount --bind /var/lib/sonarr/empty /var/lib
systemctl reset-failed
assert_exit 1 systemctl start sonarr
umount /var/lib
starts_with 'The Expanse' Firefly
assert_eq '' "$(kept_datasets)"
