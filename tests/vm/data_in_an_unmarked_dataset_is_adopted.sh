# A dataset with data was there before anything was declared, made by hand and with other properties: the data
# is adopted and left alone, although a snapshot and a backup hold something else. A mark that came with a
# clone or from the parent does not count.

declare_default_host
repository_init
zfs create -o mountpoint=none tank/services
zfs create -o compression=gzip -o mountpoint=/var/lib/sonarr tank/services/sonarr
chown sonarr:sonarr /var/lib/sonarr
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
zfs snapshot tank/services/sonarr@older
backup_sonarr
systemctl start sonarr
add_series 'Firefly'
systemctl stop sonarr
chmod 0700 /var/lib/sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
zfs set preseed:state='seeded of=guid:1 by=restic at=2026-01-01T00:00:00Z from=x' tank/services
declare_sonarr

#: reboot
assert_active sonarr.service
assert_series 'The Expanse' 'Firefly'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_journal preseed-sonarr.service 'adopted'
assert_mark tank/services/sonarr adopted
# The template's properties make new datasets, and change none that is there.
assert_properties tank/services/sonarr recordsize=131072 compression=gzip
assert_eq 'tank/services/sonarr@older' "$(zfs list -H -t snapshot -o name tank/services/sonarr)"
