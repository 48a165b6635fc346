# One declaration, one boot: the dataset is there with its properties, owner and mode, in a container
# that is never mounted, and the service runs on it. The next boot changes nothing.

declare_default_host
repository_init
declare_sonarr

#: reboot
assert_active sonarr.service storage-datasets.target storage-preseed.target
assert_eq 'tank/services/sonarr' "$(findmnt --noheadings --output SOURCE /var/lib/sonarr)"
assert_eq 'sonarr:sonarr 700' "$(stat -c '%U:%G %a' /var/lib/sonarr)"
assert_properties tank/services/sonarr \
    recordsize=16384 compression=zstd mountpoint=/var/lib/sonarr canmount=on
assert_properties tank/services mountpoint=none canmount=off mounted=no
add_series 'The Expanse'
systemctl stop sonarr
zpool sync
properties >/var/tmp/properties
zpool history -i tank | grep -vE 'zpool (import|export|sync)' >/var/tmp/history

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_eq "$(cat /var/tmp/properties)" "$(properties)" 'all properties'
changes=$(zpool history -i tank | diff /var/tmp/history - | grep -E 'zfs |\] (set|inherit|create|rename)' || true)
assert_eq '' "$changes" 'what the second boot did to the pool'
assert_eq '' "$(journalctl --boot --output=cat PRESEED_SERVICE=sonarr)" 'events of a boot that had nothing to do'
