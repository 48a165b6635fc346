# The parent of the services is encrypted and its key is not loaded. An existing dataset does not count as lost, a
# missing one is not created unencrypted, and each refusal names the key to load. Then the service has its data. The
# key of a replica that was sent raw is requested as well, and the copy is encrypted as its parent is.

echo 'correct horse' >/var/tmp/key
zfs create -o mountpoint=none -o canmount=off -o encryption=on -o keyformat=passphrase \
    -o keylocation=file:///var/tmp/key tank/services
sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
replicate "$DATASET@good" -w
umount /var/lib/sonarr
zfs unload-key tank/services
assert_refused sonarr "$DATASET: it is encrypted and its key is not loaded: load it with .zfs load-key tank/services."
zfs load-key tank/services
starts_with 'The Expanse'

destroy_sonarr
zfs unload-key tank/services
assert_refused sonarr 'tank/services: it is encrypted and its key is not loaded: load it with .zfs load-key tank/services.'
zfs load-key tank/services
assert_refused sonarr 'replica vault: vault/services/sonarr: it is encrypted and its key is not loaded: load it with .zfs load-key vault/services/sonarr.'
zfs load-key -L file:///var/tmp/key vault/services/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
assert_properties "$DATASET" encryptionroot=tank/services
