# The only snapshot holds something, but not what is expected: perhaps `expect` is wrong and it is the data. The service
# does not start empty; with `expect` corrected it has its data.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
sed -i 's/^\[preseed\]/&\nexpect = ["nzbdrone.db"]/' /etc/preseed/services/sonarr.toml
assert_refused sonarr "it lacks nzbdrone.db, and holds config.xml, sonarr.db: it may hold the data all the same: correct .expect."
assert_eq '' "$(ls -A /var/lib/sonarr)" 'nothing was restored'
assert_eq '' "$(kept_datasets)" 'nothing was replaced'
sed -i 's/nzbdrone.db/sonarr.db/' /etc/preseed/services/sonarr.toml
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"
