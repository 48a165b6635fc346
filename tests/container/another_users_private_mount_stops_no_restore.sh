# Any user can mount any directory once more in a user namespace of its own, even one that it may not enter. That
# stops no restore of another user's service. A mount by somebody who may enter the directory does stop it: that user
# would go on writing to what is replaced.
# also: vm

declare_default_host
repository_init
printf 'u app -\nu other -\n' | systemd-sysusers -
idle_service app
declare_service app <<'EOT'
[dataset]
mountpoint = "/srv/app"
owner = "app"
group = "app"
mode = "0700"
[preseed]
expect = ["data"]
tiers = ["restic"]
[backup]
repository = "local"
tags = ["app"]
EOT
reload
systemctl start app
systemctl stop app
echo 'the data' >/srv/app/data
backup /srv/app app
find /srv/app -mindepth 1 -delete

mount_once_more() { # USER
    install -d -o "$1" "/var/tmp/of-$1"
    systemd-run --quiet --unit="mounter-$1" --uid="$1" \
        unshare -Urm bash -c "mount --bind /srv/app /var/tmp/of-$1 && exec -a mounted sleep infinity"
    eventually pgrep -u "$1" -f '^mounted'
}
mount_once_more app
assert_refused app 'it would be written to after it is replaced: mounter-app.service'
systemctl stop mounter-app

mount_once_more other
systemctl reset-failed
systemctl start app
assert_eq 'the data' "$(cat /srv/app/data)"
systemctl stop mounter-other
