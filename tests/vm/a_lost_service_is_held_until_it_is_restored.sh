# A service's dataset is destroyed, and its repository is away: it is kept down, no snapshots are taken, and of its backups none is
# forgotten, also once the repository is back. Then a start restores it, the next round ends the hold, and old backups go.
# needs: zfs

declare_default_host
repository_init
declare_sonarr
sed -i 's/repository = "local"/&\nschedule = "daily"\nkeep = { last = 1 }\n[snapshots]\npolicy = "services"/' /etc/preseed/services/sonarr.toml
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl start storage-snapshots backup-sonarr
add_series Severance
systemctl start backup-sonarr
doubt() {
    grep -c '"doubt": "' /var/lib/preseed/protection/sonarr.json || true
}
assert_eq 0 "$(doubt)"

systemctl stop sonarr
for snapshot in $(zfs list -H -t snapshot -o name -d 1 "$DATASET"); do
    zfs release preseed:good "$snapshot" 2>/dev/null || true
done
zfs destroy -r "$DATASET"
mv "$REPOSITORY" "$REPOSITORY.away"
assert_refused sonarr 'repository local: there is no repository at its address'
systemctl start storage-snapshots
assert_journal storage-snapshots.service '^sonarr: tank/services/sonarr@autosnap_.* is held, and nothing of it is pruned or forgotten: '
assert_eq 1 "$(doubt)"
assert_eq '' "$(zfs list -H -t snapshot -o name | grep autosnap || true)"

mv "$REPOSITORY.away" "$REPOSITORY"
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 2 backups forgotten; held: '
systemctl reset-failed
systemctl start sonarr
assert_series 'The Expanse' Severance
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 2 backups forgotten; held: the newest state of sonarr has not proved itself'
systemctl start storage-snapshots
assert_eq 0 "$(doubt)"
assert_eq preseed:good "$(zfs holds -H "$(zfs list -H -t snapshot -o name -d 1 "$DATASET" | tail -n 1)" | cut -f 2)"
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 1 of 2 backups forgotten'
