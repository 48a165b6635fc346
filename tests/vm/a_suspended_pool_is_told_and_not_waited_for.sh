# A pool's disk fails and the pool is suspended: whatever asks ZFS about it would wait in the kernel for good. The
# service does not start and says so at once. A service on another pool starts as ever. Once the disk is mended, the
# first one starts too.
declare_default_host
repository_init
declare_sonarr
# A disk that takes no more once something else has filled what it lies on.
mkdir /var/tmp/frail
mount -t tmpfs -o size=100M tmpfs /var/tmp/frail
truncate --size=256M /var/tmp/frail/disk
zpool create -O mountpoint=none frail /var/tmp/frail/disk
another_service radarr 8001
declare_service radarr <<'EOT'
[dataset]
name = "frail/radarr"
mountpoint = "/var/lib/radarr"
owner = "radarr"
EOT
reload
systemctl start sonarr radarr
add_series 'The Expanse'
systemctl stop sonarr radarr
head -c 200M /dev/zero >/var/tmp/frail/filler 2>/dev/null || true
# Whoever writes waits.
head -c 8M /dev/urandom >/var/lib/radarr/large &
zpool sync frail &>/dev/null &
suspended() {
    [[ $(cat /proc/spl/kstat/zfs/frail/state) == SUSPENDED ]]
}
eventually suspended
# A wait in the kernel would not end.
assert_exit 1 timeout 240 systemctl start radarr
assert_refused radarr 'frail: the pool is suspended: its disks do not answer'
# Nor is it taken for empty.
assert_exit 2 preseedctl status
assert_contains "$output" 'pool frail: how full it is is not known: frail: the pool is suspended'
systemctl start storage-preseed-kept || true
assert_journal storage-preseed-kept.service 'pool frail: how full it is is not known: frail: the pool is suspended'
systemctl start sonarr
assert_series 'The Expanse'

rm /var/tmp/frail/filler
zpool clear frail
eventually eval '! suspended'
systemctl start radarr
assert_active radarr.service
