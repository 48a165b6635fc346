# A drop-in guards nothing if its unit does not exist, only stands for others (Debian's postgresql.service), or is
# started before any data can be restored. `check` and `plan` report it, with the unit that is probably meant; a unit
# at boot reports it too, and fails. An alias is as good as the unit itself.

declare_default_host
repository_init
# As a quadlet sonarr.container is called by another tool.
declare_sonarr 'unit = "podman-sonarr.service"'
reload
assert_exit 0 preseedctl check
assert_contains "$output" '/etc/preseed/services/sonarr.toml: there is no unit `podman-sonarr.service`, so nothing waits for the data of sonarr: did you mean `unit = "sonarr.service"` in [preseed]?'
assert_contains "$output" '1 service, all declarations are sound; 1 warning'
assert_exit 0 preseedctl plan sonarr
assert_contains "$output" 'there is no unit `podman-sonarr.service`'

# Debian's way with several clusters.
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >/etc/systemd/system/cluster.service
printf '[Unit]\nPartOf=cluster.service\nBefore=cluster.service\n[Service]\nExecStart=/bin/sleep 1000\n' \
    >/etc/systemd/system/cluster@.service
mkdir /etc/systemd/system/cluster.service.wants
ln -s ../cluster@.service /etc/systemd/system/cluster.service.wants/cluster@17-main.service
printf '[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/early.service
for name in cluster early; do
    declare_service "$name" <<<'preseed.on-unavailable = "start-empty"'
done
declare_service Sonarr <<<'preseed.on-unavailable = "start-empty"'
ln -s /usr/lib/systemd/system/sonarr.service /etc/systemd/system/tv.service
declare_sonarr 'unit = "tv.service"'
assert_exit 0 preseedctl check
assert_contains "$output" 'its unit `cluster.service` does not wait for preseed-cluster.service: run `systemctl daemon-reload`'

# At boot, it is started by what starts the restores.
reload
systemctl start storage-preseed.target
check_failed() {
    [[ $(unit_state storage-preseed-check.service) == failed ]]
}
eventually check_failed
assert_exit 0 preseedctl check
assert_lacks "$output" 'tv.service'
assert_contains "$output" 'cluster.toml: its unit `cluster.service` runs nothing itself, and `cluster@17-main.service`, which it stands for, does not wait for the data: write `unit = "cluster@17-main.service"`'
assert_contains "$output" 'early.toml: its unit `early.service` is started before sysinit.target'
assert_contains "$output" 'Sonarr.toml: there is no unit `Sonarr.service`, so nothing waits for the data of Sonarr: did you mean `unit = "sonarr.service"`'
assert_contains "$output" '; 3 warnings'
assert_journal storage-preseed-check.service 'cluster.toml: its unit `cluster.service` runs nothing itself'
assert_journal storage-preseed-check.service 'Sonarr.toml: there is no unit `Sonarr.service`'
journalctl --update-catalog
assert_contains "$(journalctl --boot --catalog --no-pager PRESEED_SERVICE=Sonarr)" 'Nothing keeps Sonarr from starting without its data'

rm /etc/preseed/services/{cluster,early,Sonarr}.toml
reload
systemctl start storage-preseed-check
# In tenths: how exposed it may be at most.
systemd-analyze security --no-pager --threshold=40 storage-preseed-check.service | tail -n 1
systemctl start tv.service
assert_active sonarr.service
