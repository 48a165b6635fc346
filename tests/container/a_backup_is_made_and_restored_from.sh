# The unit that `schedule` makes backs a service up as a restore looks for it, and as it was made is it restored at the next
# boot. What the commands before and after a backup do, they do on every way out. No secret is in an argument.
# also: vm

declare_default_host
repository_init
declare_service sonarr <<EOT
template = "sonarr"

[dataset]
mode = "0750"

[backup]
repository = "local"
schedule = "daily"
exclude = ["*.tmp", "/logs"]
before = ["/usr/local/bin/note", "before"]
after = ["/usr/local/bin/note", "after"]
EOT
cat >/usr/local/bin/note <<'EOT'
#!/bin/sh
echo "$1 $PRESEED_SERVICE" >>/var/tmp/noted
[ ! -e "/var/tmp/fail-$1" ]
EOT
chmod 0755 /usr/local/bin/note
reload
assert_eq 'daily' "$(systemctl show --property=TimersCalendar backup-sonarr.timer | sed -E 's/.*OnCalendar=([^ ]*) .*/\1/;s/\*-\*-\*/daily/')"
systemctl start sonarr
add_series 'The Expanse'
cd /var/lib/sonarr
install -d -o sonarr -g nogroup -m 2750 'a directory/of its own'
printf 'the same file\n' >'a directory/one'
ln 'a directory/one' two
ln -s /etc link
setfattr -n trusted.comment -v 'for root alone' two
setfattr -n user.comment -v 'of the directory' .
install -o nobody -m 0600 /dev/null nobodys
head -c 3000000 /dev/urandom >random
touch left-out.tmp
# What begins with a slash is left out where it lies directly below the mountpoint, and nowhere else.
mkdir logs 'a directory/logs'
touch logs/left-out 'a directory/logs/kept'
cd /

# Its arguments and environment, seen by a restic in the place of restic.
mkdir -p /etc/systemd/system/backup-sonarr.service.d
cat >/etc/systemd/system/backup-sonarr.service.d/test.conf <<'EOT'
[Service]
Environment=PATH=/usr/local/sbin:/usr/bin:/bin:/usr/sbin:/sbin
EOT
cat >/usr/local/sbin/restic <<'EOT'
#!/bin/sh
echo "$@" >>/var/tmp/arguments
if [ "$1" = backup ]; then
    grep Cap /proc/self/status >/var/tmp/capabilities
    cat /var/lib/sonarr/link/hostname >/var/tmp/followed 2>&1
    touch /var/lib/sonarr/written >/var/tmp/written 2>&1
fi
exec /usr/bin/restic "$@"
EOT
chmod 0755 /usr/local/sbin/restic
# What else is mounted in the data is not backed up, and that is said; not of what is left out.
mkdir /var/lib/sonarr/{disk,logs/disk}
for disk in disk logs/disk; do
    mount -t tmpfs tmpfs "/var/lib/sonarr/$disk"
    touch "/var/lib/sonarr/$disk/left-out"
done
reload
systemctl start backup-sonarr
assert_journal backup-sonarr.service 'sonarr: backed up to repository local as [0-9a-f]{8} \('
assert_journal backup-sonarr.service '; not in it is what is mounted at /var/lib/sonarr/disk: declare it as a \[place.NAME\]'
umount /var/lib/sonarr/{disk,logs/disk}
rmdir /var/lib/sonarr/disk
assert_lacks "$(cat /var/tmp/arguments)" 'correct'
assert_lacks "$(cat /var/tmp/arguments)" "$REPOSITORY"
assert_matches "$(cat /var/tmp/capabilities)" 'CapEff:	0000000000200006'
# What the service's user may put in the place of a directory while it is read.
command -v zfs >/dev/null || assert_contains "$(cat /var/tmp/followed)" 'Too many levels of symbolic links'
assert_contains "$(cat /var/tmp/written)" 'Read-only file system'
assert_eq 'before sonarr
after sonarr' "$(cat /var/tmp/noted)"
assert_eq "$(hostname) /var/lib/sonarr sonarr,media,database" \
    "$(in_repository snapshots --json | sed -E 's/.*"paths":\["([^"]*)"\].*"hostname":"([^"]*)".*"tags":\[([^]]*)\].*/\2 \1 \3/;s/"//g')"

systemctl stop sonarr
assert_lacks "$(in_repository ls latest)" left-out
rm -r /var/lib/sonarr/left-out.tmp /var/lib/sonarr/logs
touch -r /var/lib/sonarr/random /var/lib/sonarr
systemctl start backup-sonarr
fingerprint /var/lib/sonarr >/var/tmp/before

# What fails before a backup, and what kills one, leaves nothing undone.
>/var/tmp/noted
touch /var/tmp/fail-{before,after}
assert_exit 1 systemctl start backup-sonarr
assert_status backup-sonarr.service 'Status: "`before` of the backup of sonarr: .*exit status: 1.*; and `after` of the backup of sonarr: .*exit status: 1'
assert_eq 'before sonarr
after sonarr' "$(cat /var/tmp/noted)"
rm /var/tmp/fail-{before,after}
cat >/usr/local/bin/note <<'EOT'
#!/bin/sh
echo "$1 $PRESEED_SERVICE" >>/var/tmp/noted
[ "$1" = after ] || exec sleep 60
EOT
>/var/tmp/noted
systemctl start --no-block backup-sonarr
eventually grep before /var/tmp/noted
kill -KILL "$(systemctl show --property=MainPID --value backup-sonarr)"
eventually grep after /var/tmp/noted
lose_data /var/lib/sonarr

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_absent /var/lib/sonarr/left-out.tmp
if command -v zfs >/dev/null; then
    assert_lacks "$(zfs list -H -t snapshot -o name)" preseed-backup
fi
