# The replica was sent raw, so it has a key of its own, and the new parent of the services is not encrypted. Received
# there, the data would be stored unencrypted. That is refused; the cure keeps it encrypted, and the service has its
# data. A replica that is encrypted only because its pool is may be stored unencrypted.

printf '%064d' 1 >/var/tmp/key
key=(-o encryption=on -o keyformat=hex -o keylocation=file:///var/tmp/key)
zfs create -o mountpoint=none -o canmount=off "${key[@]}" tank/services
sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
replicate "$DATASET@good" -w
zfs load-key -L file:///var/tmp/key vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services

assert_refused sonarr "$DATASET: it is not encrypted, and vault/services/sonarr is: .*zfs send -w vault/services/sonarr@good"
assert_properties "$DATASET" encryption=off
zfs unmount "$DATASET"
zfs set canmount=noauto "$DATASET"
zfs rename "$DATASET" "$DATASET-empty"
zfs send -w vault/services/sonarr@good | zfs receive -u "$DATASET"
zfs load-key -L file:///var/tmp/key "$DATASET"
starts_with 'The Expanse'
assert_properties "$DATASET" encryptionroot="$DATASET" mountpoint=/var/lib/sonarr

destroy_sonarr
zfs rename vault/services/sonarr vault/raw
zfs create -o mountpoint=none "${key[@]}" vault/encrypted
zfs send vault/raw@good | zfs receive -u vault/encrypted/sonarr
zfs destroy vault/services
zfs rename vault/encrypted vault/services
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
assert_properties "$DATASET" encryption=off
