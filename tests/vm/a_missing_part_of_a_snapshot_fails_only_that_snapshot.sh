# A part of the newest snapshot is missing from the repository. That snapshot is passed over for the older one,
# without a trace. On the guests only, though it asks nothing of ZFS: restic before 0.17 looks 40 s for a missing
# part.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
find "$REPOSITORY/data" -type f -size +1M -delete
systemctl stop sonarr
lose_data /var/lib/sonarr

systemctl start sonarr
assert_series 'The Expanse'
assert_absent /var/lib/sonarr/large
assert_journal preseed-sonarr.service 'passed over .* of repository local .*: a part of the snapshot is missing or damaged: .*no such file or directory'
