# Sonarr as the pilot runs it: a Podman quadlet with a health check and resource limits, its image imported from
# a local tree. Its dataset is destroyed, and is back from the replica before the container starts.
# needs: quadlet

systemctl disable --quiet sonarr.service
declare_default_host
declare_vault
repository_init
declare_service sonarr <<EOT
template = "sonarr"

[preseed]
unit = "podman-sonarr.service"

[backup]
repository = "local"
EOT
mkdir -p /var/tmp/tree /etc/containers/systemd
cp /usr/lib/preseed-tests/sonarr /var/tmp/tree/
tar --create --directory=/var/tmp/tree . |
    podman import --quiet --change 'ENTRYPOINT ["/sonarr"]' - localhost/sonarr:pilot
cat >/etc/containers/systemd/podman-sonarr.container <<EOT
[Unit]
Description=Sonarr in a container

[Container]
Image=localhost/sonarr:pilot
Pull=never
Exec=serve --data /config --listen 127.0.0.1:8989
Network=host
User=$(id -u sonarr)
Group=$(id -g sonarr)
Volume=/var/lib/sonarr:/config
Notify=healthy
HealthCmd=["/sonarr", "health"]
HealthInterval=2s
HealthStartPeriod=60s
PodmanArgs=--memory=256m --pids-limit=64

[Service]
TimeoutStartSec=300
MemoryHigh=192M
CPUWeight=50

[Install]
WantedBy=multi-user.target
EOT
reload
assert_contains "$(systemctl cat podman-sonarr.service)" 'Requires=dataset-sonarr.service preseed-sonarr.service'
systemctl start podman-sonarr.service
assert_properties tank/services/sonarr recordsize=16384 compression=zstd mounted=yes
add_series 'The Expanse'
assert_eq 'healthy' "$(podman inspect --format '{{.State.Health.Status}}' systemd-podman-sonarr)"
systemctl stop podman-sonarr.service
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@good | zfs receive -u vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr

#: reboot
assert_active podman-sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
assert_eq 'healthy' "$(podman inspect --format '{{.State.Health.Status}}' systemd-podman-sonarr)"
