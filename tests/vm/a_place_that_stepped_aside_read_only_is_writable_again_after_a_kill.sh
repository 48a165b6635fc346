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
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
if [[ -e /run/stop-at && "\$*" == \$(</run/stop-at) ]]; then
    rm /run/stop-at
    touch /run/stopped
    exec sleep infinity
fi
exec $zfs "\$@"
EOT2
chmod +x /usr/local/sbin/zfs
(cd /var/lib/app/media/covers && exec sleep infinity) &
shell=$!
eventually stands_in "$shell" /var/lib/app/media/covers

echo "rename -u $APP *" >/run/stop-at
systemd-run --quiet --collect --unit=by-hand preseedctl restore app --snapshot 1 --yes
timeout 120 bash -c "until [[ -e /run/stopped ]]; do sleep 0.1; done"
systemctl kill --signal=KILL by-hand
eventually eval '! systemctl is-active --quiet by-hand'
! mountpoint -q /var/lib/app/media/covers || fail 'the place has not made way yet'

systemctl start app
mountpoint -q /var/lib/app/media/covers
touch /var/lib/app/media/covers/new
kill "$shell"
