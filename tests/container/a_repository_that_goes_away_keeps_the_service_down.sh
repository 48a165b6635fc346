# The disk of the repository goes away in the middle of a restore and stays away. The service stays down, and no older
# data is taken. Once the disk is back, the same start brings the newest data.

declare_default_host
repository_init
declare_sonarr 'stall-timeout = "2s"'
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
disk_goes_away_during_restore &
assert_refused sonarr 'repository local: .*missing: that is no damage of one snapshot'
wait
assert_no_journal preseed-sonarr.service 'passed over'

disk_comes_back
systemctl start sonarr
assert_series 'The Expanse' 'Severance'
assert_exists /var/lib/sonarr/large
