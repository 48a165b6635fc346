# The pool was imported to be read only, for a rescue. The data is there and nothing is known of it: nothing can be noted on
# it, and nothing has to be. What needs it only to read starts.

declare_default_host
zfs create -o mountpoint=none tank/services
zfs create -o mountpoint=/srv/app tank/services/app
echo data >/srv/app/a.db
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/cat /srv/app/a.db
EOT
declare_service app <<'EOT'
[dataset]
mountpoint = "/srv/app"
[preseed]
expect = ["a.db"]
EOT
reload
import() { # OPTION...
    ! mountpoint -q /srv/app || umount /srv/app
    zpool export tank
    zpool import -d /dev "$@" tank
}
import -o readonly=on
systemctl start app
assert_eq '-' "$(zfs get -H -o value preseed:state tank/services/app)"
assert_journal preseed-app.service 'data is there, but cannot be marked: .*read-only'

# Once it can be written to, it is marked.
systemctl stop app
import
systemctl start app
assert_mark tank/services/app adopted

# Data that is gone is not restored there.
systemctl stop app
zfs snapshot tank/services/app@good
rm /srv/app/a.db
import -o readonly=on
assert_refused app 'readonly=on .temporary.*zpool import tank'
import
systemctl reset-failed
systemctl start app
assert_eq data "$(cat /srv/app/a.db)"
