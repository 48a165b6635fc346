# A snapshot whose database is damaged, and one that the declared command refuses, are passed over for an older one.
# At most `max-candidates` are tried; empty ones do not count. A check that cannot be run, or does not end, says
# nothing of the data: no older data is taken then. What passes reaches the service with everything in the database's
# log.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
cat >/usr/local/bin/check-series <<'EOT'
#!/bin/bash
# Refuses a directory that holds a file `refuse`; does not end if it holds `hang`.
! env | grep -qE '^(CREDENTIALS_DIRECTORY|RESTIC)' || exit 5
[[ $1 == first && -f $2/sonarr.db ]] || exit 4
[[ ! -e $2/hang ]] || sleep 1000
[[ ! -e $2/refuse ]] || { echo "one line" >&2; echo "the last line says why" >&2; exit 3; }
EOT
chmod +x /usr/local/bin/check-series
declare_checked() {
    declare_sonarr 'verify = [{ sqlite = "sonarr.db" }, { command = ["/usr/local/bin/check-series", "first"] }]' "$@"
}
backup_sonarr
touch /var/lib/sonarr/refuse
backup_sonarr
rm /var/lib/sonarr/refuse
cp -a /var/lib/sonarr /var/tmp/sound
# Its pages are there, and hold nothing that SQLite could read.
dd if=/dev/urandom of=/var/lib/sonarr/sonarr.db bs=1 seek=200 count=8000 conv=notrunc status=none
backup_sonarr
find /var/lib/sonarr -mindepth 1 -delete
for _ in 1 2 3; do
    backup_sonarr
done

declare_checked 'max-candidates = 2'
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'Status: .*sonarr.db is not a sound database: .*`max-candidates` ended the search after 2'
assert_not_active sonarr.service
assert_absent /var/lib/.preseed-staging/sonarr

declare_checked 'max-candidates = 3'
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'passed over .*: .* is not a sound database: '
assert_journal preseed-sonarr.service 'passed over .*check-series first .*exit status: 3: the last line says why'

systemctl stop sonarr
touch /var/lib/sonarr/hang
backup_sonarr
lose_data /var/lib/sonarr
declare_checked 'stall-timeout = "2s"'
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'Status: .*restored data could not be verified: .*check-series first .* was ended after 2 s'
assert_exit 1 pgrep --full 'sleep 1000'

mv /usr/local/bin/check-series /usr/local/bin/check-series.away
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'Status: "/usr/local/bin/check-series: it cannot be run to verify restored data: .*: install it, or correct `verify` in /etc/preseed/services/sonarr.toml'

# A database whose newest rows are in its log only, as a backup finds it while the service runs.
lose_data /var/lib/sonarr
cp -a /var/tmp/sound /var/lib/sonarr
sqlite3 /var/lib/sonarr/sonarr.db '.dbconfig no_ckpt_on_close on' 'PRAGMA journal_mode = WAL' 'CREATE TABLE in_the_log (x)'
assert_exists /var/lib/sonarr/sonarr.db-wal
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
lose_data /var/lib/sonarr
declare_sonarr 'verify = [{ sqlite = "sonarr.db" }]'
systemctl start preseed-sonarr
assert_same_tree /var/tmp/before /var/lib/sonarr
