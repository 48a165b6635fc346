# What is expected lies in a child dataset that is not mounted: its mountpoint, an empty directory, is not that data. The
# service does not start on it, and nothing is restored over it.

declare_default_host
idle_service app
declared() { # LINE...
    declare_service app <<EOT
[dataset]
mountpoint = "/srv/app"
[preseed]
$*
EOT
}
declared 'expect = ["media"]'
reload
systemctl start app
zfs create tank/services/app/media
echo film >/srv/app/media/film
systemctl stop app
systemctl start app
systemctl stop app
zfs unmount tank/services/app/media
told='tank/services/app/media: .*not mounted.*zfs mount tank/services/app/media'
assert_refused app "$told"
declared 'expect = ["media/film"]'
assert_refused app "$told"
# Where nothing is expected, its mountpoint is all there is.
declared
assert_refused app "$told"
assert_exit 1 preseedctl plan app
zfs mount tank/services/app/media
systemctl reset-failed
systemctl start app
systemctl stop app

# The same for one that a line of /etc/fstab mounts, wherever that is.
umount /srv/app/media
zfs set mountpoint=legacy tank/services/app/media
mkdir -p /srv/app/media
told='tank/services/app/media: .*may not be seen.*mount -t zfs tank/services/app/media ./srv/app/media.'
declared 'expect = ["media"]'
assert_refused app "$told"
declared
assert_refused app "$told"
mount -t zfs tank/services/app/media /srv/app/media
systemctl reset-failed
systemctl start app
systemctl stop app
umount /srv/app/media
zfs inherit mountpoint tank/services/app/media
zfs mount tank/services/app/media || true

# What is expected lies elsewhere: the service starts without it.
echo data >/srv/app/a.db
zfs unmount tank/services/app/media
declared 'expect = ["a.db"]'
systemctl start app
systemctl stop app
declared
systemctl start app
