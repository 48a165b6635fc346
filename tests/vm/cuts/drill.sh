# All tiers are drilled while the service has its data.
declare_vault
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@older | zfs receive -u vault/services/sonarr
zfs send -i @older tank/services/sonarr@good | zfs receive -u vault/services/sonarr
backup_sonarr
