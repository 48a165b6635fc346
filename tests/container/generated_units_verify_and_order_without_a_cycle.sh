# `systemd-analyze verify` has nothing to say about any generated unit, and a boot with them logs
# no ordering cycle.

declare_default_host
repository_init
declare_sonarr
for unit in radarr radarr-later; do
    printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >"/etc/systemd/system/$unit.service"
done
declare_service radarr <<EOT
[dataset]
mountpoint = "/srv/with a space/radarr"
owner = "radarr"

[preseed]
unit = ["radarr.service", "radarr-later.service"]
EOT
another_service lidarr 8686
declare_service lidarr <<EOT
no table
EOT

#: reboot
cd /run/systemd/generator
units=(./*.service)
assert_eq './dataset-radarr.service ./dataset-sonarr.service ./preseed-lidarr.service ./preseed-radarr.service ./preseed-sonarr.service' \
    "${units[*]}"
assert_exit 0 env SYSTEMD_UNIT_PATH=/run/systemd/generator: systemd-analyze verify --man=no "${units[@]}" \
    sonarr.service radarr.service radarr-later.service storage-datasets.target storage-preseed.target multi-user.target
assert_eq '' "$output" 'systemd-analyze verify'

assert_eq '' "$(journalctl --boot --output=cat | grep -iE 'ordering cycle|deleted to break' || true)" 'the boot'
assert_active multi-user.target sonarr.service
assert_exists '/srv/with a space/radarr'
