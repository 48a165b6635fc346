# One of the files that make the data is gone. The service does not start, and nothing is touched. With `on-partial =
# "restore"` the data is restored, and what was there is kept.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
add_series 'Firefly'
systemctl stop sonarr
rm /var/lib/sonarr/config.xml
fingerprint /var/lib/sonarr >/var/tmp/before

assert_exit 1 systemctl start sonarr
assert_not_active sonarr.service
assert_status preseed-sonarr.service 'Status: .*config\.xml.* is missing'
assert_same_tree /var/tmp/before /var/lib/sonarr

declare_sonarr 'on-partial = "restore"'
reload
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'what it replaced is kept as '
