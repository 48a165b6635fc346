# A pool loses its disk and is suspended: whatever asks ZFS about it would wait in the kernel for good. The service does
# not start and says so at once, one on another pool starts as ever, and once the disk is back so does the first.
declare_default_host
repository_init
declare_sonarr
modprobe brd rd_nr=0 2>/dev/null || true
truncate --size=256M /var/tmp/disk
loop=$(losetup --find --show /var/tmp/disk)
size=$(blockdev --getsz "$loop")
dmsetup create frail --table "0 $size linear $loop 0"
zpool create -O mountpoint=none frail /dev/mapper/frail
another_service radarr 8001
declare_service radarr <<'EOT'
[dataset]
name = "frail/radarr"
mountpoint = "/var/lib/radarr"
owner = "radarr"
EOT
reload
systemctl start sonarr radarr
systemctl stop sonarr radarr
dmsetup suspend frail
dmsetup load frail --table "0 $size error"
dmsetup resume frail
touch /var/lib/radarr/x || true
(zpool sync frail &) 2>/dev/null
suspended() {
    [[ $(cat /proc/spl/kstat/zfs/frail/state) == SUSPENDED ]]
}
eventually suspended
assert_refused radarr 'frail: the pool is suspended: its disks do not answer'
systemctl start sonarr
assert_active sonarr.service

dmsetup suspend frail
dmsetup load frail --table "0 $size linear $loop 0"
dmsetup resume frail
zpool clear frail
eventually eval '! suspended'
systemctl start radarr
