# shellcheck shell=bash disable=SC2154
# The service has places: one in its own data, one elsewhere, and a cache.

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
echo 'of before' >/var/lib/sonarr/media/covers/a.jpg
echo 'port = 0' >/etc/sonarr/app.conf
zfs snapshot tank/services/sonarr.covers@older tank/services/sonarr.config@older
head -c 3000000 /dev/urandom >/var/lib/sonarr/media/covers/a.jpg
echo 'port = 1' >/etc/sonarr/app.conf
fingerprint /var/lib/sonarr >/var/tmp/before
fingerprint /etc/sonarr >/var/tmp/before-config
zfs snapshot tank/services/sonarr@good tank/services/sonarr.covers@good tank/services/sonarr.config@good
