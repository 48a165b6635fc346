# The service makes itself fresh data, which has all that is expected, and nobody looks for a month: it is snapshotted, backed
# up, pruned and forgotten as declared. The last good data is still there on each tier, and each brings it back by one command.
# needs: zfs

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.short]
hourly = 2
EOT
repository_init
declare_sonarr
sed -i 's/repository = "local"/&\nschedule = "daily"\nkeep = { last = 1 }\n[snapshots]\npolicy = "short"/' /etc/preseed/services/sonarr.toml
reload
systemctl start sonarr
add_series 'The Expanse'
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
day() { # DAYS: as if that many had passed; then all that the timers do.
    time_passes $((86400 * $1))
    systemctl start storage-snapshots backup-sonarr maintain-repository-local
}
day 0
good=$(zfs list -H -t snapshot -o name -d 1 "$DATASET")
backup=$(in_repository snapshots --json --tag sonarr | sed -E 's/.*"short_id":"([0-9a-f]{8})".*/\1/')

systemctl stop sonarr
rm /var/lib/sonarr/{large,sonarr.db*}
fresh_data sonarr /var/lib/sonarr
systemctl start sonarr
for days in 1 9 20; do day "$days"; done
assert_eq 'preseed:good' "$(zfs holds -H "$good" | cut -f 2)"
assert_eq 4 "$(zfs list -H -t snapshot -o name -d 1 "$DATASET" | grep -c autosnap)"
assert_eq 3 "$(in_repository snapshots --json --tag preseed-shrunk | grep -o '"short_id"' | wc -l)"
assert_eq "$backup" "$(in_repository snapshots --json --tag sonarr | sed -E 's/.*"short_id":"([0-9a-f]{8})".*/\1/')"

assert_exit 0 preseedctl restore sonarr --tier restic --stop --yes
assert_series 'The Expanse'
assert_exists /var/lib/sonarr/large
assert_exit 0 preseedctl undo sonarr --stop --yes
assert_absent /var/lib/sonarr/large
assert_exit 0 preseedctl restore sonarr --snapshot "${good#*@}" --stop --yes
assert_series 'The Expanse'
assert_exists /var/lib/sonarr/large
