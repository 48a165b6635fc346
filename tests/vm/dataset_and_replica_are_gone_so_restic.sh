# Neither a local snapshot nor a replica is left, and both are provably not there. restic restores into a dataset that
# is then as declared.

sonarr_with 'The Expanse'
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_absent /var/lib/sonarr/var
assert_journal preseed-sonarr.service 'replica vault: nothing there'
assert_journal preseed-sonarr.service 'restored by restic from [0-9a-f]{8} of repository local'
assert_properties tank/services/sonarr \
    recordsize=16384 compression=zstd mountpoint=/var/lib/sonarr canmount=on
assert_not_ignored tank/services/sonarr
assert_mark tank/services/sonarr restic
