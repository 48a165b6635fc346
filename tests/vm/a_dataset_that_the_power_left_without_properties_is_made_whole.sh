# ZFS makes a dataset and sets its properties a moment later. A power cut in between leaves a container that is
# mounted, or a dataset without its properties. Both become what they would have been. What an admin made like that
# stays as it is.

declare_default_host
repository_init
declare_sonarr
zfs set mountpoint=/tank tank
zfs create tank/services
assert_exists /tank/services
sync

#: reboot
assert_active sonarr.service
assert_properties tank/services mountpoint=none canmount=off mounted=no
assert_journal dataset-sonarr 'finished the container tank/services'
assert_properties "$DATASET" mountpoint=/var/lib/sonarr overlay=off acltype=posix recordsize=16384
add_series 'The Expanse'
systemctl stop sonarr
destroy_sonarr
preseedctl forget --yes sonarr
zfs create "$DATASET"
assert_properties "$DATASET" mountpoint=none overlay=on acltype=off

#: power-cut
assert_active sonarr.service
assert_properties "$DATASET" mountpoint=/var/lib/sonarr overlay=off acltype=posix recordsize=16384
systemctl stop sonarr

# Once it has a mountpoint, what an admin sets or takes back stays so.
zfs set overlay=on "$DATASET"
zfs inherit acltype "$DATASET"
systemctl start sonarr
assert_properties "$DATASET" overlay=on acltype=off
systemctl stop sonarr
destroy_sonarr
preseedctl forget --yes sonarr
# Not so a container that holds something, or that an admin gave a place.
zfs set canmount=on mountpoint=/tank/services tank/services
systemctl start sonarr
assert_properties tank/services mountpoint=/tank/services mounted=yes
systemctl stop sonarr
destroy_sonarr
preseedctl forget --yes sonarr
zfs destroy -r tank/services
zfs create tank/services
echo photo >/tank/services/photo
systemctl start sonarr
assert_properties tank/services mountpoint=/tank/services mounted=yes
assert_eq photo "$(cat /tank/services/photo)"
