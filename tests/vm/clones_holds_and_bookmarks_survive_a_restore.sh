# Somebody holds a snapshot, has cloned another and bookmarked a third. A restore works around all of them, and none
# is lost: neither what a rollback would have to destroy nor what is kept with the replaced dataset.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@older"
zfs clone -o mountpoint=none "$DATASET@older" tank/of-older
zfs snapshot "$DATASET@good"
zfs hold mine "$DATASET@good"

# A clone and a hold do not stand in the way of a rollback.
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"

# A bookmark newer than the newest snapshot does: the tier after it restores.
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@replicated"
zfs bookmark "$DATASET@replicated" "$DATASET#replicated"
zfs destroy "$DATASET@replicated"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'failed: rollback: .*more recent snapshots or bookmarks exist'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"

first_kept=$(kept_datasets)
zfs list -t bookmark "$first_kept#replicated"
assert_properties tank/of-older origin="$DATASET@older"
zfs holds -H "$DATASET@good" | grep mine

# Newer snapshots of the lost state that somebody holds and has cloned go with what is replaced.
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@lost"
zfs hold mine "$DATASET@lost"
zfs clone -o mountpoint=none "$DATASET@lost" tank/of-lost
starts_with 'The Expanse'
second_kept=$(kept_datasets | grep -vFx "$first_kept")
assert_properties tank/of-lost origin="$second_kept@lost"
assert_properties tank/of-older origin="$DATASET@older"
zfs holds -H "$second_kept@lost" | grep mine
