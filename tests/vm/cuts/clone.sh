# The data is removed, and snapshots were taken since.
zfs snapshot tank/services/sonarr@good
lose_data /var/lib/sonarr
zfs snapshot tank/services/sonarr@empty-1
zfs snapshot tank/services/sonarr@empty-2
