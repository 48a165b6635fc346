# A backup is refused, with what to do, if the service was never seeded, and if its data is gone. Files that cannot be read
# are named, and what was stored without them is never restored by itself, also if it could not be filed apart at once, or the
# backup was killed. A lock is waited for; one that a dead process left stops nothing.
# also: vm

declare_default_host
repository_init
declare_sonarr
sed -i 's/repository = "local"/&\nschedule = "daily"/' /etc/preseed/services/sonarr.toml
reload

refused() { # REGEX
    assert_exit 1 systemctl start backup-sonarr
    assert_matches "$(systemctl show --property=StatusText --value backup-sonarr)" "$1"
}
refused '^sonarr: .* start it with `systemctl start sonarr.service`'
systemctl start sonarr
add_series 'The Expanse'
systemctl start backup-sonarr

# It goes just before it would be read: what is then there is not read any more.
sed -i 's,schedule = "daily",&\nbefore = ["/usr/bin/mv"\, "/var/lib/sonarr/sonarr.db"\, "/var/tmp/sonarr.db"],' /etc/preseed/services/sonarr.toml
refused '^sonarr: its data is only partly there'
mv /var/tmp/sonarr.db /var/lib/sonarr/sonarr.db
sed -i '/^before/d' /etc/preseed/services/sonarr.toml

# It is gone.
systemctl stop sonarr
mkdir /var/tmp/data
cp -a /var/lib/sonarr/. /var/tmp/data
lose_data /var/lib/sonarr
refused '^sonarr: .*(its data is not there|there is nothing to back up|start it with)'
systemctl start sonarr
assert_series 'The Expanse'

# A process on this machine that is gone has left a lock; another one is at work.
lock_repository
systemctl start --no-block backup-sonarr
waits() {
    unit_status backup-sonarr.service | grep -E "Status: \"waiting: repository local is locked by process $holder on $(hostname) since "
}
eventually waits
kill -KILL "$holder"
wait "$holder" || true
eventually eval '[[ $(unit_state backup-sonarr) == inactive ]]'
assert_eq 2 "$(in_repository list snapshots | wc -l)"
assert_eq '' "$(ls "$REPOSITORY/locks")"

# What is expected is left out: no restore would take that, the backup before stays the last good one, and none is forgotten.
sed -i 's/schedule = "daily"/&\nexclude = ["*.db*"]/' /etc/preseed/services/sonarr.toml
record=$(cat /var/lib/preseed/protection/sonarr.json)
refused '^repository local: the backup [0-9a-f]{8} lacks /var/lib/sonarr/sonarr.db, which a restore looks for: `exclude` in \[backup\] leaves it out'
assert_eq "$record" "$(sed -E 's/("unfound": ?)"[^"]*"/\1null/' /var/lib/preseed/protection/sonarr.json)" 'the last good one'
assert_exit 1 preseedctl status sonarr
assert_contains "$output" 'its newest backup has not proved itself, so none is forgotten'
sed -i '/^exclude/d' /etc/preseed/services/sonarr.toml
in_repository forget --quiet latest

# A file that cannot be read.
cat >/usr/local/sbin/restic <<'EOT'
#!/bin/sh
case $1 in
    backup)
        /usr/bin/restic "$@"
        [ ! -e /var/tmp/hangs ] || exec sleep 60
        [ ! -e /var/tmp/whole ] || exit 0
        echo '{"message_type":"error","error":{"message":"open /var/lib/sonarr/broken: input/output error"},"during":"archival","item":"/var/lib/sonarr/broken"}' >&2
        exit 3
        ;;
    tag)
        [ ! -e /var/tmp/no-tag ] || exit 1
        [ -e /var/tmp/removes-nothing ] || exec /usr/bin/restic "$@"
        # As a server does that takes additions only: restic warns of that, and ends with 0.
        cp -a /var/lib/restic-repo/snapshots /var/tmp
        /usr/bin/restic "$@"
        cp -an /var/tmp/snapshots /var/lib/restic-repo
        exit 0
        ;;
    forget)
        [ ! -e /var/tmp/removes-nothing ] || exit 0
        exec /usr/bin/restic "$@"
        ;;
    *) exec /usr/bin/restic "$@" ;;
esac
EOT
chmod 0755 /usr/local/sbin/restic
mkdir -p /etc/systemd/system/backup-sonarr.service.d
printf '[Service]\nEnvironment=PATH=/usr/local/sbin:/usr/bin:/bin:/usr/sbin:/sbin\n' >/etc/systemd/system/backup-sonarr.service.d/test.conf
reload
before=$(in_repository snapshots --json --tag sonarr)
touch /var/tmp/no-tag
refused '^repository local: some files could not be read: .* lacks them: .*: the next backup files it apart; until then, no restore of this machine takes it'
# One that is killed before it is known how it ended.
touch /var/tmp/hangs
systemctl start --no-block backup-sonarr
stored() {
    [[ $(in_repository list snapshots | wc -l) == 4 ]]
}
eventually stored
kill -KILL "$(systemctl show --property=MainPID --value backup-sonarr)"
eventually eval '[[ $(unit_state backup-sonarr) == failed ]]'
rm /var/tmp/hangs
newest_whole=$(grep -oE '"short_id":"[0-9a-f]{8}"' <<<"$before" | tail -n 1 | cut -d '"' -f 4)
systemctl stop sonarr
lose_data /var/lib/sonarr
systemctl start sonarr
assert_journal preseed-sonarr.service "restored by restic from $newest_whole"
# This machine may only add for now: it is known all the same, and a backup with all files is made.
printf 'append-only = true\n' >>/etc/preseed/preseed.toml
touch /var/tmp/whole
systemctl start backup-sonarr
sed -i '/^append-only/d' /etc/preseed/preseed.toml
rm /var/tmp/whole /var/tmp/no-tag
count() { # TAG
    in_repository snapshots --json --tag "$1" | grep -o '"short_id"' | wc -l
}
assert_eq 5 "$(count sonarr)"
touch /var/tmp/removes-nothing
refused '^repository local: some files could not be read: .*`restic tag` ended with success and did not remove it.*: the next backup files it apart'
assert_eq '6 3' "$(count sonarr) $(count preseed-incomplete)"
# What has its copy gets no further one.
refused '^repository local: some files could not be read: .* did not remove it.*: the next backup files it apart'
assert_eq '7 4' "$(count sonarr) $(count preseed-incomplete)"
rm /var/tmp/removes-nothing
refused '^repository local: some files could not be read: /var/lib/sonarr/broken; what could be read is kept under the tag preseed-incomplete'
assert_eq '3 5' "$(count sonarr) $(count preseed-incomplete)"
assert_contains "$(in_repository snapshots --tag sonarr)" "$newest_whole"

# Also of a service that names no tags.
sed -i 's/schedule = "daily"/&\ntags = []/' /etc/preseed/services/sonarr.toml
systemctl stop sonarr
lose_data /var/lib/sonarr
systemctl start sonarr
assert_journal preseed-sonarr.service "restored by restic from $(in_repository snapshots --json --tag sonarr --latest 1 | sed -E 's/.*"short_id":"([0-9a-f]{8})".*/\1/')"
