# The dataset is there, but its data and its snapshots are gone; a replica holds them.
declare_vault
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@older | zfs receive -u vault/services/sonarr
zfs send -i @older tank/services/sonarr@good | zfs receive -u vault/services/sonarr
lose_data /var/lib/sonarr
zfs destroy tank/services/sonarr@%
