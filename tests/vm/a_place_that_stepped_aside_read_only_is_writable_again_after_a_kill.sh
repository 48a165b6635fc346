# A place makes way for the restore of what it is mounted in, and somebody's shell stands in it: it is made read-only, so that
# nothing is lost of what is written, and unmounted. The restore is killed then. The next start mounts the place again,
# writable, although the shell still keeps its file system.

declare_default_host
declare_app
idle_service app
reload
systemctl start app
fill_app 1
systemctl stop app
zfs snapshot "$APP@1" "$APP.covers@1" "$APP.config@1"
fill_app 2
zfs_can_stop
(cd /var/lib/app/media/covers && exec sleep infinity) &
shell=$!
eventually stands_in "$shell" /var/lib/app/media/covers

stop_zfs_at "rename -u $APP *"
systemd-run --quiet --collect --unit=by-hand preseedctl restore app --snapshot 1 --yes
zfs_has_stopped
systemctl kill --signal=KILL by-hand
eventually eval '! systemctl is-active --quiet by-hand'
! mountpoint -q /var/lib/app/media/covers || fail 'the place has not made way yet'

systemctl start app
mountpoint -q /var/lib/app/media/covers
touch /var/lib/app/media/covers/new
kill "$shell"
