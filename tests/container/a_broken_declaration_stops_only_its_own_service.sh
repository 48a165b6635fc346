# Two services are restored at the same boot. A third, with a syntax error in its file, stays down, and
# `systemctl status` shows file, line and column.
# also: vm

declare_default_host
repository_init
declare_sonarr
another_service radarr 7878
another_service lidarr 8686
for name in radarr lidarr; do
    declare_service "$name" <<EOT
[dataset]
mountpoint = "/var/lib/$name"
owner = "$name"
group = "$name"
mode = "0700"

[backup]
repository = "local"
tags = ["$name"]
EOT
done
reload
systemctl start sonarr radarr lidarr
add_series 'The Expanse'
sonarr add --at 127.0.0.1:7878 'Dune'
backup_sonarr
backup /var/lib/radarr radarr
systemctl stop sonarr radarr lidarr
lose_data /var/lib/sonarr
lose_data /var/lib/radarr
# Its quote is not closed.
sed -i 's/^mode = .*/mode = "0700/' /etc/preseed/services/lidarr.toml

#: reboot
assert_active sonarr.service radarr.service multi-user.target
assert_series 'The Expanse'
assert_eq 'Dune' "$(sonarr list --at 127.0.0.1:7878)"
assert_not_active lidarr.service
assert_failed preseed-lidarr.service
assert_status preseed-lidarr.service '/etc/preseed/services/lidarr\.toml:5:[0-9]+: '
assert_exists /var/lib/lidarr/sonarr.db
assert_exit 1 preseedctl check
assert_contains "$output" '/etc/preseed/services/lidarr.toml:5:'

sed -i 's/^mode = .*/mode = "0700"/' /etc/preseed/services/lidarr.toml
reload
systemctl start lidarr
assert_exit 0 preseedctl check
