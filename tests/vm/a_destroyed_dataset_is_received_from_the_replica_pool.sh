# The dataset is destroyed with its snapshots: the replica in another pool is received, with the properties
# that are declared and a mark of its own, whatever the replica carried.

sonarr_with 'The Expanse'
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@good
# With properties, as syncoid is often told to: the mark arrives as `received` and must not count.
zfs send -p tank/services/sonarr@good | zfs receive -u -x mountpoint vault/services/sonarr
lose_data /var/lib/sonarr
zfs snapshot tank/services/sonarr@empty
zfs send -I good tank/services/sonarr@empty | zfs receive -u vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_journal preseed-sonarr.service 'passed over vault/services/sonarr@empty .*: it is empty'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
assert_properties tank/services/sonarr \
    recordsize=16384 compression=zstd mountpoint=/var/lib/sonarr canmount=on
assert_not_ignored tank/services/sonarr
assert_mark tank/services/sonarr receive
assert_properties vault/services/sonarr mounted=no
