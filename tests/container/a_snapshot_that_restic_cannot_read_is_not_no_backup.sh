# restic leaves out snapshots that it cannot read, and exits with 0. One of them may be the service's only backup, so
# the service does not start empty. If an older snapshot can be read, it is restored, and the journal says what was
# left out.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
lose_data /var/lib/sonarr
# What a repository on a machine that lost its power may hold. What was read before is in the cache.
only=$(find "$REPOSITORY/snapshots" -type f)
cp -p "$only" /var/tmp/only
chmod u+w "$only"
truncate --size=0 "$only"
rm -rf /var/cache/preseed

assert_refused sonarr 'repository local: it has a snapshot that cannot be read: .*see .restic check.'
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" 'it has a snapshot that cannot be read'
[[ ! -d /var/lib/sonarr ]] || assert_eq '' "$(ls -A /var/lib/sonarr)" 'nothing was started'

cp -p /var/tmp/only "$only"
systemctl start sonarr
assert_series 'The Expanse'
assert_no_journal preseed-sonarr.service 'going on without it'

add_series Firefly
systemctl stop sonarr
backup_sonarr
newest=$(find "$REPOSITORY/snapshots" -type f ! -path "$only")
chmod u+w "$newest"
truncate --size=0 "$newest"
rm -rf /var/cache/preseed
lose_data /var/lib/sonarr
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'it has a snapshot that cannot be read: .*, and may be newer: going on without it'
