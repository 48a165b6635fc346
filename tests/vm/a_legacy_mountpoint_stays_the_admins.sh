# A line in /etc/fstab mounts a dataset with mountpoint=legacy. It is used and rolled back there and stays legacy:
# with another mountpoint, the line would fail at the next boot. What would replace it is refused.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
umount /var/lib/sonarr
zfs set mountpoint=legacy "$DATASET"
echo "$DATASET /var/lib/sonarr zfs defaults,x-systemd.requires=zfs-import.target 0 0" >>/etc/fstab
systemctl daemon-reload
assert_refused sonarr "it has mountpoint=legacy, so .* it is not mounted at /var/lib/sonarr: .mount -t zfs $DATASET '/var/lib/sonarr'"
assert_properties "$DATASET" mountpoint=legacy mounted=no

mount /var/lib/sonarr
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"
assert_properties "$DATASET" mountpoint=legacy mounted=yes

#: reboot
assert_series 'The Expanse'
systemctl stop sonarr
assert_properties "$DATASET" mountpoint=legacy mounted=yes

lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
assert_refused sonarr 'it has mountpoint=legacy, and what would replace it is mounted by ZFS'
assert_eq '' "$(kept_datasets)" 'nothing was replaced'
# The cure that the message names.
sed -i '/sonarr/d' /etc/fstab
systemctl daemon-reload
umount /var/lib/sonarr
zfs set mountpoint=/var/lib/sonarr "$DATASET"
starts_with 'The Expanse'
assert_properties "$DATASET" mountpoint=/var/lib/sonarr canmount=on mounted=yes
