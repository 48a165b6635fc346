# The dataset is destroyed; a replica holds it.
declare_vault
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@good | zfs receive -u vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr
