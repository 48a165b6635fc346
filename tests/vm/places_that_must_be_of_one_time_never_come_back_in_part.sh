# `together`: the data and its log must be of one point in time. While one of them is there, the other does not come back from a
# snapshot: the status says by how much they would differ, and has the command that brings both from one point. Both lost,
# they come back from snapshots of one time, and from no others.

declare_default_host
declare_service db <<EOF
[dataset]
mountpoint = "/var/lib/db"
[preseed]
tiers = ["rollback", "snapshot"]
expect = ["base"]
together = true
[place.wal]
mountpoint = "wal"
expect = ["1"]
EOF
idle_service db
reload
DB=tank/services/db
systemctl start db
systemctl stop db
echo a >/var/lib/db/base
echo a >/var/lib/db/wal/1
systemctl start db
systemctl stop db
zfs snapshot "$DB@one" "$DB.wal@one"

rm /var/lib/db/wal/1
assert_refused db 'its parts are to be of one point in time .*db.wal is of .* older than db, which is there as of now.*bring all of them from one point'
assert_eq a "$(cat /var/lib/db/base)"
assert_eq '' "$(ls /var/lib/db/wal)"
assert_exit 1 preseedctl plan db
command=$(grep -o '`preseedctl restore db --at [^`]*`' <<<"$output" | tr -d '`')

# That command does so, and the undo of it leads back.
assert_exit 0 $command --yes
assert_eq 'a a' "$(cat /var/lib/db/base /var/lib/db/wal/1 | paste -sd ' ')"
systemctl start db
systemctl stop db
echo b >/var/lib/db/base
echo b >/var/lib/db/wal/1

# One part has a newer snapshot than the other: the newest point that both have is taken.
eventually is_past "$DB.wal@one"
zfs snapshot "$DB.wal@newer"
assert_exit 0 preseedctl restore db --yes
assert_lacks "$output" 'differ '
assert_eq 'a a' "$(cat /var/lib/db/base /var/lib/db/wal/1 | paste -sd ' ')"
assert_exit 1 preseedctl restore db --snapshot newer --yes
assert_contains "$output" 'db: there is no snapshot `newer` that holds its data'
assert_exit 1 preseedctl restore db.wal --yes
assert_contains "$output" 'one is not restored without the others: `preseedctl restore db`'
assert_eq 'a a' "$(cat /var/lib/db/base /var/lib/db/wal/1 | paste -sd ' ')"

# Both are lost, and their newest snapshots are of different times.
rm /var/lib/db/base
zfs rollback "$DB.wal@one"
zfs snapshot "$DB.wal@later"
rm /var/lib/db/wal/1
assert_refused db 'its parts are to be of one point in time'
assert_eq wal "$(ls /var/lib/db)"
assert_eq '' "$(zfs list -H -o name | grep preseed-staging || true)"

# Both are lost, and the newest are of one time.
zfs destroy "$DB.wal@later"
systemctl reset-failed
systemctl start db
assert_eq 'a a' "$(cat /var/lib/db/base /var/lib/db/wal/1 | paste -sd ' ')"
assert_no_journal preseed-db.service 'older than db, which is of'
