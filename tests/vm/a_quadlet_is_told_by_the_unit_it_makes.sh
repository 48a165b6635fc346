# podman's generator makes a unit of a quadlet, and preseed's a drop-in for it. `check`, `plan` and the unit at boot know
# that unit. They say which one is meant where a quadlet's file, or the unit as another tool would call it, is named; and
# that there is none where podman makes none of a quadlet.
# needs: quadlet

declare_default_host
repository_init
mkdir -p /etc/containers/systemd
quadlet() { # NAME LINE...
    printf '%s\n' '[Container]' 'Image=localhost/x' 'Volume=/var/lib/radarr:/config' "${@:2}" >"/etc/containers/systemd/$1.container"
}
declared() { # UNIT
    declare_service radarr <<-EOT
	[dataset]
	mountpoint = "/var/lib/radarr"
	[preseed]
	unit = "$1"
	[snapshots]
	policy = "services"
	[backup]
	repository = "local"
	EOT
    reload
}
quadlet radarr
declared radarr.service
assert_contains "$(systemctl cat radarr.service)" 'Requires=dataset-radarr.service preseed-radarr.service'
assert_exit 0 preseedctl check
assert_lacks "$output" warning
assert_exit 0 preseedctl plan radarr
assert_lacks "$output" warning
systemctl start storage-preseed-check.service

declared podman-radarr.service
for command in check 'plan radarr'; do
    # shellcheck disable=SC2086
    assert_exit 0 preseedctl $command
    assert_contains "$output" 'there is no unit `podman-radarr.service`, so nothing waits for the data of radarr: did you mean `unit = "radarr.service"`'
done
assert_exit 1 systemctl start storage-preseed-check.service

declared radarr.container
assert_exit 1 preseedctl check
assert_contains "$output" '`radarr.container` is the file of a quadlet: name the service that podman makes of it: `radarr.service`'

# It makes nothing of this one, and another unit of that one.
declared radarr.service
quadlet radarr 'NoSuchKey=1'
reload
assert_exit 0 preseedctl check
assert_contains "$output" 'there is no unit `radarr.service`'
rm /etc/containers/systemd/radarr.container
quadlet movies
reload
assert_exit 0 preseedctl check
assert_contains "$output" 'there is no unit `radarr.service`, so nothing waits'
declared movies.service
assert_exit 0 preseedctl check
assert_lacks "$output" warning
