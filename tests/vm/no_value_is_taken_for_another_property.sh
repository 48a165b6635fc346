# Whoever may set properties of a dataset can write line breaks, tabs and bytes that are not UTF-8 into them, and
# lines that look like other properties. A restore carries these values over exactly as they are, and sets nothing
# else. A line in a mountpoint does not count as a mark, and none of it keeps a service down whose data is there.
sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
guid=$(zfs get -H -p -o value guid "$DATASET")
hostile=$'one\nsync\tdisabled\nexec\toff'
zfs set org.admin:note="$hostile" "$DATASET"
zfs set org.admin:place=$'caf\xe9' "$DATASET"
forged=$'x\n'"$DATASET"$'\tguid\tlocal\t666\n'"$DATASET:preseed-staging"$'\ttype\tlocal\tvolume'
zfs set preseed:kept="$forged" org.openzfs.systemd:ignore="$forged" "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from'
assert_properties "$DATASET" sync=standard exec=on
assert_eq "$hostile" "$(zfs get -H -o value org.admin:note "$DATASET")" 'a note of several lines'
assert_eq $'caf\xe9' "$(zfs get -H -o value org.admin:place "$DATASET")" 'a note that is not UTF-8'
assert_eq 'restored' "$([[ $guid == "$(zfs get -H -p -o value guid "$DATASET")" ]] || echo restored)" 'the dataset'

# By a receive as well.
zfs snapshot "$DATASET@again"
replicate "$DATASET@again"
for kept in $(kept_datasets); do zfs destroy -r "$kept"; done
destroy_sonarr
zfs create -o mountpoint=/var/lib/sonarr "$DATASET"
zfs set org.admin:note="$hostile" org.admin:place=$'caf\xe9' "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'from vault/services/sonarr@again'
assert_properties "$DATASET" sync=standard exec=on
assert_eq "$hostile" "$(zfs get -H -o value org.admin:note "$DATASET")" 'a note of several lines'
assert_eq $'caf\xe9' "$(zfs get -H -o value org.admin:place "$DATASET")" 'a note that is not UTF-8'

# The data is there: whatever its properties hold, and wherever a child is to be mounted.
LC_ALL=C zfs create -o canmount=noauto -o mountpoint=$'/srv/caf\xe9\n'"$DATASET"$'\tguid\tlocal\t666' "$DATASET/child"
zfs set org.admin:note=$'\e[2J' preseed:kept="$forged" "$DATASET"
starts_with 'The Expanse'
