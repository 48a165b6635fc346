# Data that has mostly vanished, also where the service made itself fresh data that has all that is expected: it goes on being
# backed up, under a tag that no restore takes by itself. Nothing is forgotten, however many there are. Its owner is told once
# a day. The last good backup comes back by one command; or the owner says that it is right, and the next one counts.
# also: vm

declare_default_host
repository_init
declare_sonarr
sed -i 's/repository = "local"/&\nschedule = "daily"\nkeep = { last = 1 }/' /etc/preseed/services/sonarr.toml
reload
systemctl start sonarr
add_series 'The Expanse'
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
systemctl start backup-sonarr
good=$(in_repository snapshots --json | sed -E 's/.*"short_id":"([0-9a-f]{8})".*/\1/')
count() { # TAG
    in_repository snapshots --json --tag "$1" | grep -o '"short_id"' | wc -l
}
held() {
    journalctl --sync
    journalctl --boot --output=cat PRESEED_OUTCOME=held | grep -c "$good of .* is held, and nothing of it is pruned or forgotten"
}

systemctl stop sonarr
rm /var/lib/sonarr/{large,sonarr.db*}
fresh_data sonarr /var/lib/sonarr
systemctl start sonarr
assert_no_series
for _ in 1 2; do
    systemctl start backup-sonarr
    assert_matches "$(systemctl show --property=StatusText --value backup-sonarr)" \
        '^backed up to repository local as [0-9a-f]{8} under the tag preseed-shrunk, which no restore takes by itself \('
done
assert_eq 2 "$(count preseed-shrunk)"
assert_eq 1 "$(held)" 'told once a day'
assert_journal backup-sonarr.service 'most of its data has vanished since the backup of .*: there are .*, and there were .*`preseedctl accept sonarr`'

# One that would be forgotten stays.
store() { # DAY
    in_repository backup --quiet --host "$(hostname)" --tag sonarr,media,database --time "2025-01-0$1 00:00:00" /var/lib/sonarr
}
store 1
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 2 backups forgotten; held: the newest state of sonarr has not proved itself'

# A day later.
sed -Ei 's/("shrunk": ")20../\12020/' /var/lib/preseed/protection/sonarr.json
systemctl start backup-sonarr
assert_eq 2 "$(held)"

assert_exit 0 preseedctl restore sonarr --stop --yes --tier restic
assert_series 'The Expanse'
assert_exists /var/lib/sonarr/large
systemctl start backup-sonarr
assert_eq 3 "$(count sonarr)" 'it is as it was'
assert_lacks "$(cat /var/lib/preseed/protection/sonarr.json)" '"shrunk": "'

rm /var/lib/sonarr/large
systemctl start backup-sonarr
assert_eq 3 "$(count sonarr)"
assert_exit 0 preseedctl accept sonarr
systemctl start backup-sonarr
assert_eq 4 "$(count sonarr)"
assert_exit 0 preseedctl repository maintain local --yes
assert_eq 1 "$(count sonarr)"
