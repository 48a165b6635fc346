# The disk of the repository goes away in the middle of a restore and stays away: the service stays down, and no older
# data is taken. Once it is back, the same start brings the newest.

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
away_during_restore &
assert_refused sonarr 'repository local: .*missing: that is no damage of one snapshot'
wait
assert_no_journal preseed-sonarr.service 'passed over'

mv "$REPOSITORY/away" "$REPOSITORY/data"
systemctl start sonarr
assert_series 'The Expanse' 'Severance'
assert_exists /var/lib/sonarr/large
