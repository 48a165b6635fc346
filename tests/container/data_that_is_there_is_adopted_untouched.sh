# Data was there before anything was declared. It is marked and left alone, whatever the repository holds, and even if
# the repository cannot be asked.

install -d -o sonarr -g sonarr -m 0700 /var/lib/sonarr
systemctl start sonarr
add_series 'The Expanse'
repository_init
backup_sonarr
add_series 'Firefly'
systemctl stop sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
stat -c %i /var/lib/sonarr >/var/tmp/inode
declare_default_host
declare_sonarr
mv "$REPOSITORY" /var/lib/restic-repo.away

#: reboot
assert_active sonarr.service
assert_series 'The Expanse' 'Firefly'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_eq "$(cat /var/tmp/inode)" "$(stat -c %i /var/lib/sonarr)"
assert_journal preseed-sonarr.service adopted
assert_contains "$(getfattr --dump --match=trusted.preseed /var/lib/sonarr)" 'by=adopted'
