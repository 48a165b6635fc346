# A declared service has its directory at boot, with the declared owner and mode, and runs on it.
# The next boot changes nothing.

declare_default_host
repository_init
declare_sonarr

#: reboot
assert_eq 'sonarr:sonarr 700' "$(stat -c '%U:%G %a' /var/lib/sonarr)"
assert_active sonarr.service storage-datasets.target storage-preseed.target
add_series 'The Expanse'
systemctl stop sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
stat -c '%i %Z' /var/lib/sonarr >/var/tmp/inode
getfattr --dump --match=trusted.preseed /var/lib/sonarr >/var/tmp/mark
assert_contains "$(cat /var/tmp/mark)" seeded

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_eq "$(cat /var/tmp/inode)" "$(stat -c '%i %Z' /var/lib/sonarr)"
assert_eq "$(cat /var/tmp/mark)" "$(getfattr --dump --match=trusted.preseed /var/lib/sonarr)"
assert_eq '' "$(journalctl --boot --output=cat PRESEED_SERVICE=sonarr)" 'events of a boot that had nothing to do'
