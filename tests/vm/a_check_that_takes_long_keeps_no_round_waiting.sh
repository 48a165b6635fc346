# A check may run for hours. While one of a drill does, a round takes all snapshots and ends: what it cannot prove now, the
# next round does.

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT2'

[snapshot-policy.hourly]
hourly = 24
EOT2
cat >/usr/local/bin/check <<'EOT2'
#!/bin/sh
# The directory is the last argument.
for directory; do :; done
while [ -e "$directory/long" ]; do sleep 0.2; done
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
eventually eval 'pgrep -f /usr/local/bin/check'
timeout 60 systemctl start storage-snapshots
for name in big small; do
    zfs list -H -t snapshot -o name "tank/services/$name" | grep -q autosnap_ || fail "none of $name was taken"
done
held() { zfs holds -H "$(zfs list -H -t snapshot -o name -s createtxg "tank/services/$1" | tail -n 1)" | cut -f 2; }
assert_eq '' "$(held small)" 'it could not be proved'

# It ends.
has_ended() {
    pkill -f /usr/local/bin/check
    ! kill -0 "$drill"
}
eventually has_ended
rm /srv/big/long
time_passes 3600
systemctl start storage-snapshots
assert_eq preseed:good "$(held small)"
