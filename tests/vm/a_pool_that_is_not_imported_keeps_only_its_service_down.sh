# The data is lost, and the replica's pool is not imported. Whether it holds the data cannot be told, so the service
# does not start, and says what to do. Services whose data is there are not affected, replica or not. Then the
# service's own pool is away: again the answer is clear, and again its cure works.

declare_default_host
declare_vault
repository_init
declare_sonarr
another_service radarr 7878
declare_service radarr <<EOT
[dataset]
mountpoint = "/var/lib/radarr"
owner = "radarr"
EOT
reload
systemctl start sonarr radarr
add_series 'The Expanse'
systemctl stop sonarr
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@good | zfs receive -u vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr
zpool export vault

#: reboot
assert_not_active sonarr.service
assert_failed preseed-sonarr.service
assert_active radarr.service multi-user.target
assert_status preseed-sonarr.service 'Status: .*vault/services: its pool `vault` is not imported.*: .*zpool import vault'
assert_eq '' "$(ls -A /var/lib/sonarr)"
zpool import vault
systemctl start sonarr
assert_series 'The Expanse'

systemctl stop sonarr radarr
zpool export tank
assert_exit 1 systemctl start sonarr
assert_failed dataset-sonarr.service
assert_status dataset-sonarr.service 'Status: .*its pool `tank` is not imported: .*zpool import tank'
assert_eq '' "$(ls -A /var/lib/sonarr)" 'nothing was written below the mountpoint'
zpool import tank
systemctl start sonarr radarr
assert_series 'The Expanse'
