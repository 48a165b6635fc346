# A check may run for hours. While one of a drill does, or one of a snapshot, rounds take all snapshots and end. What takes checks
# proves itself beside them, one after the other.

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT2'

[snapshot-policy.hourly]
hourly = 24
EOT2
cat >/usr/local/bin/check <<'EOT2'
#!/bin/sh
# The directory is the last argument.
for directory; do :; done
while [ -e "$directory/long" ] && [ ! -e /run/go-on ]; do sleep 0.2; done
EOT2
chmod 0755 /usr/local/bin/check
for name in big small; do
    idle_service "$name"
    declare_service "$name" <<EOT2
snapshots.policy = "hourly"
dataset.owner = "root"
[preseed]
stall-timeout = "4h"
[[preseed.verify]]
command = ["/usr/local/bin/check"]
EOT2
done
reload
systemctl start big small
touch /srv/big/long /srv/big/data /srv/small/data
zfs snapshot tank/services/big@first
time_is 10:00
preseedctl drill big &
drill=$!
runs() { pgrep -f /usr/local/bin/check; }
newest() { zfs list -H -t snapshot -o name -s createtxg "tank/services/$1" | tail -n 1; }
# held NAME: the hour of the snapshot that is held.
held() {
    zfs list -H -t snapshot -o name "tank/services/$1" | xargs zfs holds -H | sed -n 's/^[^@]*@autosnap_[^_]*_\(..\):.*	preseed:good	.*/\1/p'
}
is_taken() { # HOUR
    timeout 240 systemctl start storage-snapshots
    for name in big small; do
        assert_matches "$(newest "$name")" "@autosnap_.*_$1:"
    done
}
proved() { # HOUR of big, HOUR of small
    systemctl start storage-snapshots-proof
    [[ "$(held big) $(held small)" == "$*" ]]
}
eventually runs
is_taken 10
assert_eq '' "$(held small)" 'its check waits for that of the drill'
touch /run/go-on
wait "$drill"
eventually proved 10 10

# A day later, both are to prove themselves anew.
rm /run/go-on
time_passes $((25 * 3600))
is_taken 11
eventually runs
time_passes 3600
is_taken 12
runs
assert_eq '10 10' "$(held big) $(held small)"
touch /run/go-on
# What was begun, and what was the newest once its turn came.
eventually proved 11 12
