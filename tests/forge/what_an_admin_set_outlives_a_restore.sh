# A quota, a snapshot policy and other properties that an admin set on the dataset by hand are on what replaces it, and
# those that belong to the one dataset only are not: a reservation would take the space twice.

sonarr_with 'The Expanse'
zfs set quota=2G com.sun:auto-snapshot="on sundays, 100 %" logbias=throughput atime=off \
    "org.example:note=two words, a	tab" reservation=10M "$DATASET"
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
set_by_hand() {
    zfs get -H -p -s local -o property,value quota,com.sun:auto-snapshot,logbias,atime,org.example:note,reservation "$DATASET"
}
before=$(set_by_hand | grep -v reservation)

lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
assert_eq "$before" "$(set_by_hand)" 'after a clone'
assert_properties "$DATASET" syncoid:sync=- preseed:aside=-
assert_properties "$(kept_datasets)" com.sun:auto-snapshot=false syncoid:sync=false

umount /var/lib/sonarr
zfs rename "$DATASET" tank/away
zfs create -o mountpoint=/var/lib/sonarr -o quota=1G "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
assert_eq "$(printf 'quota\t%s' $((1024 ** 3)))" "$(set_by_hand)" 'after a receive'
