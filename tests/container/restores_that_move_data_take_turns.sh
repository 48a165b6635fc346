# With `max-parallel-restores = 1` and a restore at work, a second one that moves data waits and says so. A service
# whose data is there starts at once. When the first restore ends, the second continues.

declare_default_host
sed -i '/^backend/a max-parallel-restores = 1' /etc/preseed/preseed.toml
repository_init
declare_sonarr
port=8000
for name in radarr lidarr; do
    another_service "$name" $((port++))
    declare_service "$name" <<EOT
[dataset]
mountpoint = "/var/lib/$name"
owner = "$name"

[backup]
repository = "local"
tags = ["$name"]
EOT
done
reload
systemctl start sonarr radarr lidarr
add_series 'The Expanse'
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
# Whoever opens the pipe waits. The pack of the next backup is another one.
pack=$(find "$REPOSITORY/data" -type f -size +1M -print -quit)
backup /var/lib/radarr radarr
systemctl stop sonarr radarr lidarr
lose_data /var/lib/sonarr
lose_data /var/lib/radarr
mv "$pack" /var/tmp/pack
mkfifo "$pack"

systemctl start --no-block sonarr
eventually eval 'unit_status preseed-sonarr.service | grep -q "Status: \"restoring sonarr from"'
systemctl start --no-block radarr
eventually eval 'unit_status preseed-radarr.service | grep -q "Status: \"waiting for another restore to end: max-parallel-restores allows 1 at once"'
systemctl start lidarr
assert_active lidarr.service
assert_not_active radarr.service sonarr.service

feed /var/tmp/pack "$pack"
rm "$pack"
mv /var/tmp/pack "$pack"
eventually systemctl is-active sonarr.service
eventually systemctl is-active radarr.service
assert_series 'The Expanse'
