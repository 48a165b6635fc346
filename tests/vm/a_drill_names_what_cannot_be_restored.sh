# A drill restores the newest candidate of each tier beside the running service, and in turn an older one, and leaves nothing
# behind. Where the newest of a tier is damaged, it names that one: whatever is wrong with it. What was shown outlives the
# dataset.

sonarr_with 'The Expanse'
declare_drilled_sonarr
reload
zfs list -H -t snapshot -o name "$DATASET" | xargs -r -n 1 zfs destroy
zfs snapshot "$DATASET@oldest"
zfs snapshot "$DATASET@middle"
zfs snapshot "$DATASET@good"
replicate "$DATASET@oldest"
replicate "$DATASET@good" -i @oldest
backup_sonarr
systemctl start sonarr
add_series 'After all of them'

as_it_was() {
    properties | grep -v '	snapshot_count	'
    zfs list -H -t snapshot -o name,userrefs
    zfs list -H -o name
    unit_state sonarr.service
    invocation sonarr.service
    invocation preseed-sonarr.service
    stat --format='%i %m %Y' /var/lib/sonarr/*
}
as_it_was >/var/tmp/before
assert_exit 0 systemctl start drill-sonarr.service
as_it_was >/var/tmp/after
assert_exit 0 diff /var/tmp/before /var/tmp/after
told() { # REGEX
    assert_journal drill-sonarr.service "$1"
}
told "sonarr: the newest of rollback \($DATASET@good, .*\) can be restored: a clone took [0-9.]+ s, a rollback takes about that"
told "sonarr: the newest of local snapshots \($DATASET@good, .*\) can be restored: it took"
told "sonarr: the middle of local snapshots \($DATASET@middle, .*\) can be restored"
told 'sonarr: the newest of replica vault \(vault/services/sonarr@good, .*\) can be restored: it took [0-9.]+ s for [0-9.]+ [KM]iB'
told 'sonarr: the oldest of replica vault \(vault/services/sonarr@oldest, .*\) can be restored'
told 'sonarr: the newest of repository local \([0-9a-f]{8}, .*\) can be restored: it took [0-9.]+ s for [0-9.]+ [KM]iB'
assert_status drill-sonarr.service 'Status: "6 of 6 candidates can be restored"'
assert_series 'The Expanse' 'After all of them'
# The next time it is the turn of the oldest.
assert_exit 0 preseedctl drill sonarr --tier snapshot
assert_contains "$output" "sonarr: the oldest of local snapshots ($DATASET@oldest, "
assert_contains "$output" 'sonarr: 4 of 4 candidates can be restored; the service is as it was'

# Of each tier the newest is damaged, in another way.
systemctl stop sonarr
cp -a /var/lib/sonarr/sonarr.db /var/lib/sonarr/config.xml /var/tmp/
dd if=/dev/urandom of=/var/lib/sonarr/sonarr.db bs=4096 count=1 seek=1 conv=notrunc status=none
zfs snapshot "$DATASET@garbled"
replicate "$DATASET@garbled" -i @good
zfs destroy "$DATASET@garbled"
cp -a /var/tmp/sonarr.db /var/lib/sonarr/
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
pack=$(find "$REPOSITORY/data" -type f -size +1M)
chmod u+w "$pack"
dd if=/dev/urandom of="$pack" bs=4096 count=100 seek=10 conv=notrunc status=none
rm /var/lib/sonarr/config.xml /var/lib/sonarr/large
zfs snapshot "$DATASET@without"
cp -a /var/tmp/config.xml /var/lib/sonarr/
systemctl start sonarr
as_it_was >/var/tmp/before
assert_exit 1 systemctl start drill-sonarr.service
as_it_was >/var/tmp/after
assert_exit 0 diff /var/tmp/before /var/tmp/after
told "sonarr: the newest of rollback \($DATASET@without, .*\) cannot be restored: $DATASET@without: .*config.xml"
told "sonarr: the newest of local snapshots \($DATASET@without, .*\) cannot be restored: .*config.xml"
told 'sonarr: the newest of replica vault \(vault/services/sonarr@garbled, .*\) cannot be restored: .*sonarr.db'
told 'sonarr: the newest of repository local \([0-9a-f]{8}, .*\) cannot be restored: .*'
told 'sonarr: the oldest of repository local \([0-9a-f]{8}, .*\) can be restored'
# Only the newest breaks a promise.
assert_eq 4 "$(journalctl -b -o cat --output-fields=PRESEED_OUTCOME -p err -u drill-sonarr.service PRESEED_OUTCOME=failed | grep -c failed)"

# What was shown outlives the dataset, and a drill goes on without it.
systemctl stop sonarr
shown=/var/lib/preseed/drills/sonarr.json
assert_eq '600 root' "$(stat --format='%a %U' "$shown")"
grep -q '"snapshot": "vault/services/sonarr@garbled"' "$shown"
destroy_sonarr
grep -q '"snapshot": "vault/services/sonarr@garbled"' "$shown"
assert_exit 1 preseedctl drill sonarr --tier snapshot
assert_matches "$output" "sonarr: the newest of local snapshots \\($DATASET@[a-z]+, .*\\) was not drilled: .*there is no snapshot that holds the data, and there was one of"
assert_contains "$output" 'sonarr: the newest of replica vault (vault/services/sonarr@garbled, '
assert_exit 1 zfs list "$DATASET"
starts_with 'The Expanse'
