# Somebody sends the snapshot that is restored, and goes on until `state.sh` ends it: the clone is promoted only then.
cat >/etc/systemd/system/long-send.service <<'EOT'
[Service]
Type=notify
NotifyAccess=all
# Once the snapshot has another name, there is nothing to send.
ExecStart=/bin/sh -c 'zfs send tank/services/sonarr@good | { head -c 100000 >/dev/null; systemd-notify --ready; sleep infinity; }'
EOT
mkdir -p /etc/systemd/system/dataset-sonarr.service.d
printf '[Unit]\nWants=long-send.service\nAfter=long-send.service\n' >/etc/systemd/system/dataset-sonarr.service.d/send.conf
reload
