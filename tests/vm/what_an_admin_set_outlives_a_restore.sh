# What replaces a dataset has all that an admin set on it by hand: properties, received ones too, limits and quotas,
# also of single users, how it is shared, what users may do with it, and what can be chosen only when a dataset is
# made. What belongs to the one dataset only is not carried over: a reservation would take the space twice.

sonarr_with 'The Expanse'
BY_HAND=quota,refquota,snapshot_limit,filesystem_limit,com.sun:auto-snapshot,logbias,atime,devices,sync,org.example:note,sharenfs,reservation
set_by_hand() {
    zfs get -H -p -s local -o property,value "$BY_HAND" "$DATASET"
}
# The rules, but not those of the datasets above.
delegated() {
    zfs allow "$DATASET" | sed -n '2,/^----/{/^----/!p}'
}
users() {
    local space
    for space in 'userspace -n' 'groupspace -n' projectspace; do
        # shellcheck disable=SC2086
        zfs $space -H -p -o name,quota,objquota "$DATASET" | sort | grep -vP '\t(0|-|none)\t(0|-|none)$' || true
    done
}
all_of_it() {
    set_by_hand | grep -v reservation
    delegated
    users
}
zfs set quota=2G refquota=1G snapshot_limit=50 filesystem_limit=7 com.sun:auto-snapshot="on sundays, 100 %" \
    logbias=throughput atime=off devices=off sync=always "org.example:note=two words, a	tab
and a line" sharenfs='ro=@10.0.0.0/8,async' reservation=10M "$DATASET"
zfs allow -s @watch send,hold "$DATASET"
zfs allow -c destroy "$DATASET"
zfs allow -u nobody @watch,snapshot "$DATASET"
zfs allow -l -g daemon snapshot "$DATASET"
zfs allow -d -e mount "$DATASET"
zfs allow -u 4711 userprop "$DATASET"
zfs allow -u daemon send tank
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
# Since the snapshot: a rollback would take them back, a clone would not have them, and one that is gone would be back.
zfs set userquota@sonarr=1G userobjquota@4711=1000 groupquota@nogroup=3G projectquota@5=2G "$DATASET"
before=$(all_of_it)
assert_matches "$(users)" '^4711	-?0?(none)?	1000$'

lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"
assert_eq "$before" "$(all_of_it)" 'after a rollback'
assert_properties "$DATASET" preseed:quotas=-

lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
assert_eq "$before" "$(all_of_it)" 'after a clone'
assert_properties "$DATASET" syncoid:sync=- preseed:aside=- reservation=0 canmount=on
assert_properties "$(kept_datasets)" com.sun:auto-snapshot=false syncoid:sync=false

# While a restore is at work.
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
$zfs "\$@"
status=\$?
[[ \$1 != clone ]] || $zfs set sharenfs='ro=@192.168.0.0/16' "$DATASET"
exit \$status
EOT2
chmod +x /usr/local/sbin/zfs
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@also-empty"
starts_with 'The Expanse'
rm /usr/local/sbin/zfs
assert_eq 'ro=@192.168.0.0/16' "$(zfs get -H -o value sharenfs "$DATASET")"

zfs set userquota@sonarr=none "$DATASET"
before=$(all_of_it)
backup_sonarr
declare_sonarr 'tiers = ["restic"]'
reload
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by restic'
assert_eq "$before" "$(all_of_it)" 'after a restore by restic'

declare_sonarr
reload
destroy_sonarr
# Properties that were received are an admin's as well; what ZFS counts is told as if somebody had set it.
zfs create -o quota=1G tank/small
zfs set snapshot_limit=9 tank/small
zfs snapshot tank/small@x
zfs send -p tank/small@x | zfs receive -u -o mountpoint=/var/lib/sonarr "$DATASET"
zfs destroy "$DATASET@x"
assert_properties "$DATASET" snapshot_count=0
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
assert_eq "$(printf '%s\t%s\n' quota $((1024 ** 3)) snapshot_limit 9)" "$(set_by_hand)" 'after a receive'

# What can be chosen only when it is made: a copy has it, and from a replica that has it not nothing is restored.
declare_sonarr 'tiers = ["restic"]'
reload
systemctl stop sonarr
destroy_sonarr
zfs create -o casesensitivity=insensitive -o normalization=formD -o utf8only=on -o mountpoint=/var/lib/sonarr "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by restic'
assert_properties "$DATASET" casesensitivity=insensitive normalization=formD utf8only=on
declare_sonarr 'tiers = ["snapshot"]'
reload
lose_data /var/lib/sonarr
assert_refused sonarr "it has casesensitivity=insensitive, and vault/services/sonarr has sensitive"
