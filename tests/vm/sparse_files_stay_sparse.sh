# A file with holes has them again after a restore by restic, also where ZFS compresses nothing away.
# needs: restic >= 0.15

declare_default_host
repository_init
declare_service sonarr <<EOT
template = "sonarr"

[dataset]
compression = "off"

[backup]
repository = "local"
EOT
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
truncate -s 64M /var/lib/sonarr/sparse
backup_sonarr
lose_data /var/lib/sonarr
systemctl start sonarr
assert_eq 67108864 "$(stat -c %s /var/lib/sonarr/sparse)"
zpool sync tank
blocks=$(stat -c %b /var/lib/sonarr/sparse)
((blocks < 2048)) || fail 'the file takes room' "$blocks blocks of 512 bytes"
