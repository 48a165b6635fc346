# shellcheck shell=bash disable=SC2154
# All places are lost: the service's own data and what is in it are cloned, its configuration is rolled back, and the cache is
# made anew. They come back as one set.

for place in /var/lib/sonarr/media/covers /etc/sonarr /var/lib/sonarr; do
    # What other places are mounted on stays.
    find "$place" -xdev -mindepth 1 -delete 2>/dev/null || true
done
zfs snapshot tank/services/sonarr@empty tank/services/sonarr.covers@empty
zfs destroy tank/services/sonarr.cache
