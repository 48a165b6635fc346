# An admin restores an earlier state over data that is there.
zfs snapshot tank/services/sonarr@good
echo 'written since' >/var/lib/sonarr/newer
chown sonarr: /var/lib/sonarr/newer
zfs snapshot tank/services/sonarr@newer
