# A service ran before its dataset was declared, so files lie where the dataset should be mounted. Mounting would hide
# them: nothing is created or mounted, the service does not start, and the files are still there.

declare_default_host
repository_init
install -d -o sonarr -g sonarr -m 0700 /var/lib/sonarr
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
declare_sonarr

#: reboot
assert_not_active sonarr.service
assert_failed dataset-sonarr.service
assert_status dataset-sonarr.service 'Status: "?/var/lib/sonarr: holds files .* that mounting would hide: .*move them'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_exit 1 findmnt /var/lib/sonarr
assert_exit 1 zfs list tank/services/sonarr

# The cure that the message names.
mv /var/lib/sonarr /var/lib/sonarr.before
systemctl start sonarr
assert_no_series
systemctl stop sonarr
find /var/lib/sonarr -mindepth 1 -delete
cp -a /var/lib/sonarr.before/. /var/lib/sonarr/
systemctl start sonarr
assert_series 'The Expanse'

# The dataset is unmounted and files are written below it: the next boot does not hide them either.
systemctl stop sonarr
zfs unmount tank/services/sonarr
echo stray >/var/lib/sonarr/stray

#: reboot
assert_not_active sonarr.service
assert_failed dataset-sonarr.service
assert_eq 'stray' "$(cat /var/lib/sonarr/stray)"
rm /var/lib/sonarr/stray
systemctl start sonarr
assert_series 'The Expanse'
