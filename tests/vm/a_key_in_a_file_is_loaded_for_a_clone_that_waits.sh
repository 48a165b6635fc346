# A clone of an encrypted dataset waits for its promotion, and the machine boots: its key is that of what it replaced, which
# nothing mounts and for which nothing loads a key any more. It lies in a file, so the start loads it, and promotes.

echo 'correct horse' >/var/tmp/key
zfs create -o mountpoint=none -o canmount=off tank/services
zfs create -o mountpoint=/var/lib/sonarr -o encryption=aes-128-gcm -o keyformat=passphrase -o pbkdf2iters=100000 \
    -o keylocation=file:///var/tmp/key "$DATASET"
sonarr_with 'The Expanse'
systemctl start sonarr
head -c 2M /dev/urandom >/var/lib/sonarr/large
systemctl stop sonarr
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
mkfifo /run/sent
zfs send -w "$DATASET@good" >/run/sent &
exec {sent}</run/sent
head -c 100000 <&"$sent" >/dev/null
starts_with 'The Expanse'
assert_matches "$(zfs get -H -o value preseed:state "$DATASET")" '^unpromoted '
kept=$(kept_datasets)
assert_properties "$DATASET" encryptionroot="$kept"

# As after a boot.
exec {sent}<&-
wait
umount /var/lib/sonarr
zfs unload-key "$kept"
assert_properties "$DATASET" keystatus=unavailable
starts_with 'The Expanse'
assert_journal dataset-sonarr.service "promoted $DATASET"
assert_properties "$DATASET" encryptionroot="$DATASET" keystatus=available origin=-
assert_mark "$DATASET" clone

# Killed after the promotion and before the key, which the kernel then forgets: the daily timer does not call it done.
lose_data /var/lib/sonarr
umount /var/lib/sonarr
zfs unload-key "$DATASET"
state=$(zfs get -H -o value preseed:state "$DATASET")
zfs set preseed:state="unpromoted ${state#seeded }" "$DATASET"
systemctl start storage-preseed-kept.service
assert_properties "$DATASET" keystatus=available
assert_mark "$DATASET" clone
