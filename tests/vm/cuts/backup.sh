# shellcheck shell=bash disable=SC2154
# All places are backed up once, and are to be again. The data is checked on a clone that is thrown away.

sed -i 's/repository = "local"/&\nschedule = "daily"\nkeep = { last = 1 }/' /etc/preseed/services/sonarr.toml
cat >/etc/preseed/services/sonarr.toml.d/checked.toml <<'EOT'
[preseed]
verify = [{ sqlite = "sonarr.db" }]
EOT
reload
systemctl --quiet mask --now backup-sonarr.timer maintain-repository-local.timer
systemctl start sonarr
systemctl start backup-sonarr
systemctl stop sonarr
