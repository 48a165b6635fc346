# `together`: what a hold keeps of one place is of no use without the same moment of the others. Most of one place's data vanishes:
# the holds stay on the last moment that is good in both, although the newest snapshot of the other is good. Once the data is
# back, both move to one moment. One that is due alone is taken with the other. Where snapshots of one moment cannot be taken any
# more, nothing is pruned, and that is told.

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.short]
hourly = 1
EOT
declare_service db <<'EOT'
snapshots.policy = "short"
[dataset]
mountpoint = "/var/lib/db"
[preseed]
expect = ["base"]
together = true
[place.wal]
mountpoint = "wal"
expect = ["1"]
EOT
idle_service db
reload
systemctl start db
fill() {
    for number in {1..10}; do
        echo "$number" >"/var/lib/db/wal/$number"
    done
}
touch /var/lib/db/base
fill
# held: the hour of what is held of each place.
held() {
    for dataset in db db.wal; do
        zfs list -H -t snapshot -o name "tank/services/$dataset" | xargs zfs holds -H |
            sed -n 's/^[^@]*@autosnap_[^_]*_\(..\):.*	preseed:good	.*/\1/p'
    done | paste -sd ' '
}
time_is 10:00
systemctl start storage-snapshots
assert_eq '10 10' "$(held)"

rm /var/lib/db/wal/{2..10}
time_passes $((21 * 3600))
systemctl start storage-snapshots
assert_eq '10 10' "$(held)" 'nothing moves while one of them is in doubt'
assert_journal storage-snapshots.service 'db.wal: .* is held, .*most of the data has vanished'

fill
time_passes 3600
systemctl start storage-snapshots
assert_eq '08 08' "$(held)"
assert_eq 2 "$(zfs list -H -t snapshot -o name -r tank/services | grep -c autosnap_)" 'what is older is pruned'

# One is due alone: somebody was ahead of the round with the other, under the policy's name.
time_passes 3600
zfs snapshot "tank/services/db.wal@autosnap_$(date -u +%Y-%m-%d_%H:%M:%S)_hourly"
time_passes 60
systemctl start storage-snapshots
assert_eq 1 "$(for dataset in db db.wal; do
    zfs list -H -t snapshot -o name -S creation "tank/services/$dataset" | sed -n '1s/.*@//p'
done | sort -u | wc -l)" 'both were taken'
time_passes $((21 * 3600))
systemctl start storage-snapshots
assert_eq '06 06' "$(held)"

# There is no room for snapshots of one place: those of the other are of no moment of both.
head -c 8000000 /dev/urandom >/var/lib/db/wal/large
sync
left=$(zfs list -H -p -o available,used tank/services/db.wal | awk '{ print $1 + $2 - 1000000 }')
zfs set refreservation="$left" tank/services/db.wal
told() {
    journalctl --sync
    journalctl --boot --output=cat -u storage-snapshots | grep -c 'db, db.wal must be of one time, and have had no snapshots of one moment since' || true
}
for hours in 19 19; do
    time_passes $((hours * 3600))
    assert_exit 1 systemctl start storage-snapshots
    assert_eq '06 06' "$(held)"
done
assert_eq 0 "$(told)" 'a day is not over'
time_passes 7200
assert_exit 1 systemctl start storage-snapshots
assert_eq 1 "$(told)"
assert_eq '06 06' "$(held)"

zfs set refreservation=none tank/services/db.wal
time_passes 3600
systemctl start storage-snapshots
assert_eq '23 23' "$(held)"
assert_eq 2 "$(zfs list -H -t snapshot -o name -r tank/services | grep -c autosnap_)" 'what is older is pruned again'
