# The same without ZFS: a directory of the root's file system, which is on another disk.
backup_sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr
sed -i -e 's/^backend = .*/backend = "directory"/' -e '/^parent/d' /etc/preseed/preseed.toml
reload
