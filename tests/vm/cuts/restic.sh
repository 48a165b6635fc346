# The data is removed, and no snapshot holds it: a repository does.
backup_sonarr
zfs destroy tank/services/sonarr@older
lose_data /var/lib/sonarr
zfs snapshot tank/services/sonarr@empty
