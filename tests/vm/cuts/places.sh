# shellcheck shell=bash disable=SC2154
# The service has places: one in its own data, one elsewhere, and a cache. All are lost: its own data and what is in it are
# cloned, its configuration is rolled back, and the cache is made anew. They come back as one set.

mkdir -p /etc/preseed/services/sonarr.toml.d
cat >/etc/preseed/services/sonarr.toml.d/places.toml <<'EOF'
[place.covers]
mountpoint = "media/covers"
recordsize = "1M"
expect = ["a.jpg"]
[place.config]
mountpoint = "/etc/sonarr"
expect = ["app.conf"]
[place.cache]
mountpoint = "/var/cache/sonarr"
restore = false
EOF
reload
systemctl start sonarr
systemctl stop sonarr
head -c 3000000 /dev/urandom >/var/lib/sonarr/media/covers/a.jpg
echo 'port = 1' >/etc/sonarr/app.conf
fingerprint /var/lib/sonarr >/var/tmp/before
fingerprint /etc/sonarr >/var/tmp/before-config
zfs snapshot tank/services/sonarr@good tank/services/sonarr.covers@good tank/services/sonarr.config@good
for place in /var/lib/sonarr/media/covers /etc/sonarr /var/lib/sonarr; do
    # What other places are mounted on stays.
    find "$place" -xdev -mindepth 1 -delete 2>/dev/null || true
done
zfs snapshot tank/services/sonarr@empty tank/services/sonarr.covers@empty
zfs destroy tank/services/sonarr.cache
