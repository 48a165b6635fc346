# What cannot be read of a replica's newest snapshot is read once more. An older snapshot is taken only if that fails
# too, the pool is whole, and the pool names the snapshot. A disk that is away, or was for a moment, does not damage a
# snapshot.

sonarr_with 'The Expanse'
declare_sonarr 'tiers = ["snapshot"]'
reload
# What is read comes from the disk each time.
zfs set primarycache=metadata compression=off vault/services
zfs snapshot "$DATASET@older"
replicate "$DATASET@older"
systemctl start sonarr
add_series Firefly
systemctl stop sonarr
head -c 4M /dev/urandom >/var/lib/sonarr/large
number=$(stat --format=%i /var/lib/sonarr/large)
zfs snapshot "$DATASET@newest"
replicate "$DATASET@newest" -i @older
zpool sync vault

# Where the last block of the file is on the disk, past the labels (zdb(8)).
disk=$(zpool status -P vault | grep -o '/dev/[^ ]*')
block=$(zdb -ddddd vault/services/sonarr@newest "$number" | grep ' L0 ' | tail -1 | sed 's/.* L0 [0-9a-f]*:\([0-9a-f]*\):.*/\1/')
at=$((0x$block + 0x400000))
dd if="$disk" of=/var/tmp/sound bs=4096 count=1 skip="$at" iflag=skip_bytes status=none
overwrite() { # WITH
    dd if="$1" of="$disk" bs=4096 count=1 seek="$at" oflag=seek_bytes conv=notrunc,fsync status=none
}
stays_down() { # REGEX
    assert_refused sonarr "$1"
    assert_no_journal preseed-sonarr 'vault/services/sonarr@older'
    assert_exit 1 zfs list "$DATASET:preseed-staging"
}

# Half of the pool is away, and it may be the half that is sound.
truncate --size="$(blockdev --getsize64 "$disk")" /var/tmp/mirror
zpool attach vault "$disk" /var/tmp/mirror
zpool wait -t resilver vault
zpool offline vault /var/tmp/mirror
overwrite /dev/urandom
destroy_sonarr
stays_down 'its pool is not whole \(it is DEGRADED\)'
declare_sonarr 'tiers = ["snapshot"]' 'paths = ["sonarr.db", "config.xml", "large"]'
stays_down 'its pool is not whole \(it is DEGRADED\)'
declare_sonarr 'tiers = ["snapshot"]'
zpool online vault /var/tmp/mirror
zpool wait -t resilver vault
starts_with 'The Expanse' Firefly
zpool detach vault /var/tmp/mirror

# For a moment: it is gone on with from there.
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
if [[ \$1 == send && "\$*" != *-n* ]]; then
    [[ ! -e /run/sent ]] || { touch /run/again; until [[ -e /run/sound ]]; do sleep 0.1; done; }
    touch /run/sent
fi
exec $zfs "\$@"
EOT2
chmod +x /usr/local/sbin/zfs
overwrite /dev/urandom
destroy_sonarr
(
    until [[ -e /run/again ]]; do sleep 0.1; done
    overwrite /var/tmp/sound
    touch /run/sound
) &
starts_with 'The Expanse' Firefly
wait
assert_no_journal preseed-sonarr 'passed over vault/services/sonarr@newest'
rm /usr/local/sbin/zfs

# For good.
overwrite /dev/urandom
destroy_sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr 'passed over vault/services/sonarr@newest .*'
