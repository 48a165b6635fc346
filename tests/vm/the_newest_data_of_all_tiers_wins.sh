# With `prefer = "newest"`, the newest snapshot of all tiers is restored, whatever their order, and the plan lists
# every one of them. If a source cannot be asked, the journal says that it may hold newer data. Without it, the order
# counts, and a tier whose data is older than `max-age` comes last.

declare_default_host
repository_init
declare_sonarr 'prefer = "newest"'
reload
systemctl start sonarr
add_series 'The Expanse'
zfs snapshot tank/services/sonarr@older
in_repository backup --quiet --host "$(hostname)" --tag sonarr,media,database --time '2001-02-03 04:05:06' /var/lib/sonarr
add_series 'Severance'
eventually is_past "$DATASET@older"
backup_sonarr
systemctl stop sonarr
lose_data /var/lib/sonarr

assert_exit 0 preseedctl plan sonarr
assert_matches "$output" 'tank/services/sonarr@older  holds the data; repository local is preferred'
assert_matches "$output" '[0-9a-f]{8}  holds the data: taken'
assert_matches "$output" '2001-02-.*  [0-9a-f]{8}  older than the one taken'
systemctl start sonarr
assert_series 'The Expanse' 'Severance'
assert_journal preseed-sonarr.service 'restored by restic'

# put_back: what the restore replaced, with its snapshots, in the place of what it restored.
put_back() {
    local kept
    kept=$(kept_datasets)
    zfs destroy -r tank/services/sonarr
    zfs rename "$kept" tank/services/sonarr
    systemctl start dataset-sonarr
}
# In order, local snapshots come first, unless they are too old.
systemctl stop sonarr
put_back
declare_sonarr 'max-age = { rollback = "1s", snapshot = "1s" }'
assert_exit 0 preseedctl plan sonarr
assert_contains "$output" 'tank/services/sonarr@older  put off: it holds the data, but is older than max-age'
systemctl start sonarr
assert_series 'The Expanse' 'Severance'
assert_journal preseed-sonarr.service 'put off tank/services/sonarr@older .*: it holds the data, but is older than max-age'

# What could not be asked may hold newer data.
systemctl stop sonarr
mv "$REPOSITORY" /var/lib/restic-repo.away
put_back
declare_sonarr 'prefer = "newest"'
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'these could not, and may hold newer: repository local'
