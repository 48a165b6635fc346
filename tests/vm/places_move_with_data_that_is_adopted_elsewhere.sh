# A dataset is adopted where ZFS has it, and a place is declared below the service's own mountpoint: it is mounted below where
# that is, and backed up and restored from there.

declare_default_host
repository_init
zfs create -o mountpoint=none tank/services
zfs create -o mountpoint=/tank/app tank/services/app
echo data >/tank/app/db
declare_service app <<'EOT'
[preseed]
tiers = ["restic"]
expect = ["db"]
[backup]
repository = "local"
schedule = "daily"
[place.covers]
mountpoint = "covers"
expect = ["all/a.jpg"]
EOT
idle_service app
reload
systemctl start app
mountpoint -q /tank/app/covers
assert_properties tank/services/app.covers mountpoint=/tank/app/covers
mkdir /tank/app/covers/all
echo cover >/tank/app/covers/all/a.jpg

systemctl start backup-app
assert_journal backup-app.service 'backed up to repository local'
assert_eq /tank/app/covers/all/a.jpg "$(in_repository ls latest | grep a.jpg)"

systemctl stop app
rm -r /tank/app/covers/all
systemctl start app
assert_journal preseed-app.service 'app.covers: restored by restic'
assert_eq 'data cover' "$(cat /tank/app/db /tank/app/covers/all/a.jpg | xargs)"

# Nor does it differ, and nothing moves it where it would be otherwise. Nobody else is at work on it meanwhile.
assert_exit 0 preseedctl diff app
flock /run/preseed/lock/app.covers.lock sh -c 'until [ -e /run/go-on ]; do sleep 0.1; done' &
eventually sh -c '! flock --nonblock /run/preseed/lock/app.covers.lock true'
preseedctl apply app >/run/told 2>&1 &
applies=$!
eventually grep -E 'flock, process|sh, process' /run/told
touch /run/go-on
wait "$applies"
assert_properties tank/services/app.covers mountpoint=/tank/app/covers
