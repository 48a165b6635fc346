# The virtual machine itself: its pools are there, a snapshot can be rolled back to, a clean reboot keeps everything, and
# a power cut keeps what was synced.

systemctl disable --quiet sonarr
assert_eq $'tank\nvault' "$(zpool list -H -o name)" 'pools'
assert_exit 1 zfs list tank/services
zfs create -o mountpoint=/srv/kept tank/kept
echo 'before the snapshot' >/srv/kept/file
zfs snapshot tank/kept@good
echo 'after the snapshot' >/srv/kept/file
zfs rollback tank/kept@good
assert_eq 'before the snapshot' "$(cat /srv/kept/file)"
zfs send tank/kept@good | zfs receive -u -o mountpoint=/srv/replica vault/kept
cat /proc/sys/kernel/random/boot_id >/var/tmp/boots

#: reboot
assert_eq running "$(systemctl is-system-running)"
assert_eq $'tank\nvault' "$(zpool list -H -o name)" 'pools'
findmnt -n /srv/kept >/dev/null
assert_eq 'before the snapshot' "$(cat /srv/kept/file)"
assert_eq 'before the snapshot' "$(cat /srv/replica/file)"
cat /proc/sys/kernel/random/boot_id >>/var/tmp/boots
echo 'written and synced' >/srv/kept/file
echo 'on the root, too' >/var/tmp/file
sync
echo 'perhaps lost' >/srv/kept/other

#: power-cut
assert_eq 'written and synced' "$(cat /srv/kept/file)"
assert_eq 'on the root, too' "$(cat /var/tmp/file)"
cat /proc/sys/kernel/random/boot_id >>/var/tmp/boots
assert_eq 3 "$(sort -u /var/tmp/boots | wc -l)" 'different boots'
assert_eq 3 "$(journalctl --list-boots --quiet | tail -n 3 | wc -l)" 'boots in the journal'
