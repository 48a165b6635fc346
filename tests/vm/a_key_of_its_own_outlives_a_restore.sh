# The service's dataset is the root of its own encryption. Whatever replaces it is encrypted with the same key: a clone,
# a received copy and what restic writes, if the key lies in a file. A key that has to be typed in can only be cloned,
# and is asked for by name.

echo 'correct horse' >/var/tmp/key
zfs create -o mountpoint=none -o canmount=off tank/services
create() {
    zfs create -o mountpoint=/var/lib/sonarr -o encryption=aes-128-gcm -o keyformat=passphrase \
        -o pbkdf2iters=100000 -o keylocation=file:///var/tmp/key "$DATASET"
}
create
sonarr_with 'The Expanse'
backup_sonarr
zfs snapshot "$DATASET@good"
replicate "$DATASET@good" -w
is_encrypted() {
    assert_properties "$DATASET" encryption=aes-128-gcm encryptionroot="$DATASET" keystatus=available keylocation="$1" \
        pbkdf2iters=100000
}

lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
is_encrypted file:///var/tmp/key

# Without the snapshots of its own: the replica, then restic.
lose_data /var/lib/sonarr
umount /var/lib/sonarr
zfs rename "$DATASET" tank/away
create
zfs load-key -L file:///var/tmp/key vault/services/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
is_encrypted file:///var/tmp/key

zfs destroy -r vault/services/sonarr
lose_data /var/lib/sonarr
zfs list -H -t snapshot -o name -d 1 "$DATASET" | xargs -n 1 zfs destroy
zfs set keylocation=prompt "$DATASET"
assert_refused sonarr "encrypted with a key of its own that has to be typed in.*.zfs set keylocation=file:///… $DATASET"
zfs set keylocation=file:///var/tmp/key "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by restic'
is_encrypted file:///var/tmp/key

# Typed in: the clone starts. The kernel would forget its key if it were promoted, so that waits for somebody who has it.
zfs set keylocation=prompt "$DATASET"
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "its key would have to be typed in; when you have it, .zfs promote $DATASET. and .zfs load-key $DATASET."
zfs promote "$DATASET"
zfs load-key "$DATASET" <<<'correct horse'
starts_with 'The Expanse'
is_encrypted prompt
assert_mark "$DATASET" clone
