# Somebody sends the snapshot that a restore has cloned, for days perhaps. ZFS promotes no clone of it meanwhile. The service
# starts with its data all the same; what was replaced has the snapshots until then and cannot be released, and they count
# as the service's own. A later start or the daily timer promotes it, once the send is over.

sonarr_with 'The Expanse'
systemctl start sonarr
head -c 2M /dev/urandom >/var/lib/sonarr/large
systemctl stop sonarr
zfs snapshot "$DATASET@older"
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"

# begin_to_send SNAPSHOT: goes on, and ends, when `end_to_send` says so.
begin_to_send() {
    mkfifo /run/sent
    zfs send "$1" >/run/sent &
    SENDER=$!
    exec {sent}</run/sent
    head -c 100000 <&"$sent" >/dev/null
}
end_to_send() {
    cat <&"$sent" >/dev/null
    wait "$SENDER"
    exec {sent}<&-
    rm /run/sent
}
is_pending() {
    assert_matches "$(zfs get -H -o source,value preseed:state "$DATASET")" \
        "^local	unpromoted of=guid:$(zfs get -H -p -o value guid "$DATASET") by=clone " 'the mark'
    assert_properties "$DATASET" mounted=yes canmount=on origin="$1" mountpoint=/var/lib/sonarr
}

begin_to_send "$DATASET@good"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good.*still a clone of what it replaced.*busy.*tried again"
first=$(kept_datasets)
is_pending "$first@good"

# It hangs on what was replaced: that is not released, nor does it expire.
assert_exit 1 preseedctl release --yes "$first"
assert_contains "$output" "$DATASET is still a clone of its snapshot $first@good"
declare_sonarr 'keep-replaced = "1s"'
systemctl start storage-preseed-kept.service
assert_eq "$first" "$(kept_datasets)"
assert_journal storage-preseed-kept.service 'still a clone of what it replaced.*busy'
is_pending "$first@good"
assert_no_journal storage-preseed-kept.service 'kept on'

# Each start tries it again, and starts.
starts_with 'The Expanse'
assert_journal dataset-sonarr.service 'still a clone of what it replaced.*busy'
is_pending "$first@good"

# Lost once more: what it was cloned from, and what was taken before, are its own snapshots. Nothing is rolled back.
lose_data /var/lib/sonarr
written=$(zfs get -H -p -o value written "$first")
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $first@good"
is_pending "$first@good"
assert_eq "$written" "$(zfs get -H -p -o value written "$first")" 'what was replaced has changed'
zfs list "$first@empty"

# A snapshot of its own is rolled back to, and it stays what it is.
zfs snapshot "$DATASET@own"
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@own"
assert_matches "$(zfs get -H -o value preseed:state "$DATASET")" '^unpromoted .* by=rollback '

# The send is over; the service runs on.
systemctl start sonarr
end_to_send
systemctl start storage-preseed-kept.service
assert_journal storage-preseed-kept.service "promoted $DATASET"
assert_mark "$DATASET" rollback
assert_properties "$DATASET" origin=- mounted=yes
zfs list "$DATASET@older" "$DATASET@good" "$DATASET@own" "$first@empty"
assert_active sonarr.service
assert_series 'The Expanse'
systemctl stop sonarr

# The power goes while it is pending: the next start has nobody to wait for.
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
begin_to_send "$DATASET@own"
systemctl start sonarr
assert_matches "$(zfs get -H -o value preseed:state "$DATASET")" '^unpromoted '
zpool sync
sync

#: power-cut

eventually systemctl is-active sonarr
assert_series 'The Expanse'
assert_journal dataset-sonarr.service "promoted $DATASET"
assert_mark "$DATASET" clone
assert_properties "$DATASET" origin=-
systemctl start storage-preseed-kept.service
for kept in $(kept_datasets); do
    preseedctl release --yes "$kept"
done
assert_eq '' "$(kept_datasets)"
