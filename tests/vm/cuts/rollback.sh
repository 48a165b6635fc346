# The data is removed; the newest snapshot holds it.
zfs snapshot tank/services/sonarr@good
lose_data /var/lib/sonarr
