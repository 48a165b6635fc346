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
# The two snapshots share no part: all of the newest one's data is in the large one.
echo '<!-- changed -->' >>/var/lib/sonarr/config.xml
add_series 'Severance'
backup_sonarr
systemctl stop sonarr
lose_data /var/lib/sonarr

hold_up_the_restore
systemctl start --no-block sonarr
disk_goes_away_during_restore
is_told() {
    unit_status preseed-sonarr.service | grep -E 'Status: "waiting: repository local: .*missing.*; looking again"'
}
eventually is_told
disk_comes_back
eventually systemctl is-active sonarr.service
assert_series 'The Expanse' 'Severance'
assert_exists /var/lib/sonarr/large
assert_no_journal preseed-sonarr.service 'passed over'
