# The disk of the repository goes away in the middle of a restore and is back a moment later: the restore is begun
# again, and no older data is taken.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
head -c 3000000 /dev/urandom >/var/lib/sonarr/large
add_series 'Severance'
backup_sonarr
systemctl stop sonarr
lose_data /var/lib/sonarr

restores() {
    pgrep --exact --full 'restic restore .*'
}
# away_during_restore: from the moment restic restores until it has ended.
away_during_restore() {
    until restores >/dev/null; do sleep 0.01; done
    mv "$REPOSITORY/data" "$REPOSITORY/away"
    while restores >/dev/null; do sleep 0.01; done
}
{
    away_during_restore
    mv "$REPOSITORY/away" "$REPOSITORY/data"
} &
systemctl start sonarr
wait
assert_series 'The Expanse' 'Severance'
assert_exists /var/lib/sonarr/large
assert_no_journal preseed-sonarr.service 'passed over'
