# The newest snapshot holds a damaged database. A check in a clone finds that before anything is changed, and the
# snapshot before it is restored; the bad one still exists. A sound one, taken while the service was writing, is
# rolled back to with everything in the database's log.

declare_default_host
repository_init
declare_sonarr 'verify = [{ sqlite = "sonarr.db" }]'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
zfs snapshot tank/services/sonarr@good
cp -a /var/lib/sonarr/sonarr.db /var/tmp/sound
dd if=/dev/urandom of=/var/lib/sonarr/sonarr.db bs=1 seek=200 count=8000 conv=notrunc status=none
zfs snapshot tank/services/sonarr@bad
lose_data /var/lib/sonarr

systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'passed over tank/services/sonarr@bad .*: sonarr.db is not a sound database: '
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@good'
assert_eq 1 "$(unit_journal preseed-sonarr.service | grep -c 'passed over tank/services/sonarr@bad')" 'times it was told'
assert_eq "$(kept_datasets)@bad" "$(zfs list -H -t snapshot -o name -r "$(kept_datasets)")" 'what was replaced'
assert_not_ignored tank/services/sonarr

systemctl stop sonarr
# As a snapshot finds it while the service writes.
sqlite3 /var/lib/sonarr/sonarr.db '.dbconfig no_ckpt_on_close on' 'PRAGMA journal_mode = WAL' 'CREATE TABLE in_the_log (x)'
assert_exists /var/lib/sonarr/sonarr.db-wal
# Memory that is shared while it is in use, and no data.
rm -f /var/lib/sonarr/sonarr.db-shm
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@sound
lose_data /var/lib/sonarr
systemctl start preseed-sonarr
assert_journal preseed-sonarr.service 'restored by rollback from tank/services/sonarr@sound'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_not_ignored tank/services/sonarr
