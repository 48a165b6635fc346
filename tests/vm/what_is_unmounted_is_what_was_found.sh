# A directory above the service's place belongs to its user. After it was looked what is mounted there, and before that is
# unmounted for a restore, the user puts a link in the directory's place. Where it leads, a neighbour's data is mounted: that
# stays, and stays writable.

declare_default_host
printf 'u app -\n' | systemd-sysusers -
idle_service app
declare_service app <<'EOT2'
[dataset]
mountpoint = "/srv/home/up/data"
owner = "app"
group = "app"
[preseed]
expect = ["a.db"]
EOT2
idle_service neighbour
declare_service neighbour <<'EOT2'
[dataset]
mountpoint = "/srv/neighbour/data"
owner = "root"
EOT2
install -d -o app -g app /srv/home /srv/home/up
reload
systemctl start app neighbour
systemctl stop app
D=tank/services/app
echo data >/srv/home/up/data/a.db
zfs snapshot "$D@good"
rm /srv/home/up/data/a.db
zfs snapshot "$D@empty"

zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
$zfs "\$@"
status=\$?
# The last call before it is unmounted.
if [[ -e /run/attack && "\$*" == "set canmount=noauto preseed:kept="* ]]; then
    rm /run/attack
    setsid /usr/local/sbin/attack </dev/null >/dev/null 2>&1 &
fi
exit \$status
EOT2
cat >/usr/local/sbin/attack <<'EOT2'
#!/bin/bash
# Each umount2(2) waits a second before it goes down its path.
sleep 0.4
mv /srv/home/up /srv/home/moved
ln -s /srv/neighbour /srv/home/up
chown -h app: /srv/home/up
touch /run/attacked
EOT2
chmod +x /usr/local/sbin/zfs /usr/local/sbin/attack
# for_user WHO: a process of the neighbour's stands in its data, or nobody does.
attacked() {
    touch /run/attack
    strace --follow-forks --quiet=all --signal=none --trace=umount2 --inject=umount2:delay_enter=1s --output=/run/trace \
        /usr/lib/preseed/preseed-helper run app || true
    assert_exists /run/attacked
    mountpoint -q /srv/neighbour/data || fail "the neighbour's data is unmounted"
    touch /srv/neighbour/data/new
    rm /srv/home/up /run/attacked
    mv /srv/home/moved /srv/home/up
}
attacked
systemctl start app
assert_eq data "$(cat /srv/home/up/data/a.db)"
systemctl stop app

# In use, it would be made read-only and detached.
rm /srv/home/up/data/a.db
zfs snapshot "$D@empty-again"
(cd /srv/neighbour/data && exec sleep infinity) &
(cd /srv/home/up/data && exec sleep infinity) &
eventually stands_in $! /srv/home/up/data
attacked
