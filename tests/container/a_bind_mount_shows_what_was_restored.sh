# A service sees its data at bind mounts: from a mount unit, made by hand, a part of it elsewhere, read-only. After a
# restore, each of them shows what was restored, with the options it had. What requires the mount was not stopped.
# also: vm

declare_default_host
repository_init
declare_service notes <<EOT
[dataset]
mountpoint = "/srv/persist/notes"
[preseed]
expect = ["data"]
tiers = ["restic"]
[backup]
repository = "local"
EOT
cat >/etc/systemd/system/notes.service <<'EOT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '[ -e /var/lib/notes/data ] || echo first start >/var/lib/notes/data'
EOT
cat >/etc/systemd/system/watcher.service <<'EOT'
[Unit]
Requires=var-lib-notes.mount
After=var-lib-notes.mount
[Service]
ExecStart=sleep infinity
EOT
mkdir -p /var/lib/notes /srv/persist /srv/by-hand /srv/part
reload
systemctl start preseed-notes
cat >/etc/systemd/system/var-lib-notes.mount <<'EOT'
[Mount]
What=/srv/persist/notes
Where=/var/lib/notes
Type=none
Options=bind,nosuid
EOT
reload
systemctl start watcher notes
echo mine >/var/lib/notes/data
mkdir /srv/persist/notes/sub
echo below >/srv/persist/notes/sub/file
mount --bind /srv/persist/notes /srv/by-hand
mount --bind /srv/persist/notes/sub /srv/part
mount -o remount,bind,ro /srv/part
backup /srv/persist/notes
systemctl stop notes
watcher=$(invocation watcher.service)
binds() { # All but their numbers.
    findmnt --noheadings --list --output TARGET,OPTIONS | grep -E '^(/var/lib/notes|/srv/(by-hand|part|persist/notes)) ' | sort
}
binds >/run/before

# Somebody stands in one of them, who sees the old data from then on and can write nothing to it.
(cd /srv/by-hand && exec sleep 1000) &
shell=$!
eventually stands_in "$shell" /srv/by-hand
find /srv/persist/notes -mindepth 1 -delete
systemctl start notes
assert_exit 1 touch "/proc/$shell/cwd/by-the-shell"
assert_contains "$output" 'Read-only file system'
kill "$shell"
wait "$shell" || true
assert_eq mine "$(cat /srv/persist/notes/data)"
for place in /var/lib/notes /srv/by-hand; do
    assert_eq mine "$(cat $place/data)" "what is seen at $place"
    assert_eq "$(stat -c %d:%i /srv/persist/notes)" "$(stat -c %d:%i $place)" "what is mounted at $place"
done
assert_eq below "$(cat /srv/part/file)"
assert_eq "$(cat /run/before)" "$(binds)"
assert_eq "$watcher" "$(invocation watcher.service)" 'what requires the mount'
assert_absent /run/preseed/binds/notes
echo new >/var/lib/notes/new
assert_exists /srv/persist/notes/new

# Of what was restored before, nothing is shown any more: it can be released.
systemctl stop notes
preseedctl release --yes "$(preseedctl kept --json | sed -n 's/.*"name": "\(.*\)",/\1/p')"
assert_exists /var/lib/notes/new

# A part that what was restored lacks cannot be put back: the service stays down, and all is as it was.
mkdir /srv/persist/notes/later /srv/later
mount --bind /srv/persist/notes/later /srv/later
rm /srv/persist/notes/data /srv/persist/notes/new
rm -r /srv/persist/notes/sub/file
sed -i 's/^\[preseed\]/[preseed]\non-partial = "restore"/' /etc/preseed/services/notes.toml
binds >/run/before
assert_refused notes '`later` of the service.s data is mounted there.*umount ./srv/later'
assert_eq "$(cat /run/before)" "$(binds)"
umount /srv/later
systemctl reset-failed
systemctl start notes
assert_eq mine "$(cat /var/lib/notes/data)"
