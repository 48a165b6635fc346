# Half of the pool's mirror is away, and so is the repository. The service whose data is there starts all the same.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
truncate --size=8G /var/tmp/mirror
zpool attach tank "$(zpool status -P tank | grep -o '/dev/[^ ]*')" /var/tmp/mirror
zpool wait -t resilver tank
zpool offline tank /var/tmp/mirror
assert_eq DEGRADED "$(zpool list -H -o health tank)"
rm -r "$REPOSITORY" "$PASSWORD_FILE"
systemctl start sonarr
assert_series 'The Expanse'

#: reboot
assert_eq DEGRADED "$(zpool list -H -o health tank)"
assert_active sonarr.service
assert_series 'The Expanse'
