# A directory above the service's place belongs to its user. After the last call of zfs before the dataset is mounted, the
# user moves that directory away and puts a link in its place. Nothing is mounted where the link leads, neither at a plain
# start nor at a restore, nor where it is made anew.

declare_default_host
printf 'u app -\n' | systemd-sysusers -
idle_service app
declare_service app <<'EOT'
[dataset]
mountpoint = "/srv/home/up/data"
owner = "app"
group = "app"
[preseed]
expect = ["a.db"]
EOT
install -d -o app -g app /srv/home /srv/home/up
mkdir -p /etc/victim/data
reload
systemctl start app
systemctl stop app
D=tank/services/app
echo data >/srv/home/up/data/a.db
zfs snapshot "$D@good"

zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT
#!/bin/bash
# The last call of zfs before it is mounted.
if [[ -e /run/attack && " \$* " == *\$(cat /run/attack)* ]]; then
    rm /run/attack
    mv /srv/home/up /srv/home/moved
    ln -s /etc/victim /srv/home/up
    chown -h app: /srv/home/up
    touch /run/attacked
fi
exec $zfs "\$@"
EOT
chmod +x /usr/local/sbin/zfs
SEEN='/srv/home/up: it is a link that another user than root can have made'
attacked() { # WORDS OF THE CALL
    rm -f /run/attacked
    echo "$1" >/run/attack
    assert_refused app "$SEEN"
    assert_exists /run/attacked
    ! mountpoint -q /etc/victim/data || fail "it is mounted where the link leads"
    assert_eq '' "$(grep " $D " /proc/self/mountinfo || true)" 'it is mounted somewhere'
    rm /srv/home/up
    mv /srv/home/moved /srv/home/up
}
umount /srv/home/up/data
attacked atime
systemctl reset-failed
systemctl start app
assert_eq data "$(cat /srv/home/up/data/a.db)"
systemctl stop app

# At the end of a restore.
rm /srv/home/up/data/a.db
zfs snapshot "$D@empty"
attacked ":preseed-staging $D "
systemctl reset-failed
systemctl start app
assert_eq data "$(cat /srv/home/up/data/a.db)"
assert_properties "$D" canmount=on mounted=yes mountpoint=/srv/home/up/data

# Made anew.
systemctl stop app
umount /srv/home/up/data
zfs destroy -R "$D"
preseedctl forget --yes app
attacked "create "
systemctl reset-failed
systemctl start app
mountpoint -q /srv/home/up/data
