# The dataset is destroyed; a replica holds it, and an older state of it.
declare_vault
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@older | zfs receive -u vault/services/sonarr
zfs send -i @older tank/services/sonarr@good | zfs receive -u vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr
