# Sanoid 2.1 and 2.2 (Debian 12 and 13) accept what is rendered, say in the same words what is due, take what has scripts, and
# prune. One follows the other on the same datasets, as after an upgrade.
# needs: zfs

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.short]
hourly = 2

[snapshot-policy.frozen]
hourly = 2
pre-snapshot-script = "/usr/local/bin/freeze"
EOT
for name in plain scripted; do
    idle_service "$name"
    policy=short
    [[ $name == plain ]] || policy=frozen
    printf 'snapshots.policy = "%s"\ndataset.owner = "root"\n' "$policy" | declare_service "$name"
done
printf '#!/bin/sh\necho frozen >>/run/frozen\n' >/usr/local/bin/freeze
chmod 0755 /usr/local/bin/freeze
reload
systemctl start plain scripted
touch /srv/{plain,scripted}/data
time_is 10:00

mkdir /var/tmp/own
cp /usr/sbin/sanoid /usr/share/sanoid/sanoid.defaults.conf /var/tmp/own
with_sanoid() { # VERSION DIRECTORY
    install -m 0755 "$2/sanoid" /usr/sbin/sanoid
    install -m 0644 "$2/sanoid.defaults.conf" /usr/share/sanoid/sanoid.defaults.conf
    assert_contains "$(sanoid --version)" "$1"
}
round() { # HOURS
    time_passes $((3600 * $1))
    systemctl start storage-snapshots
}
# there NAME: how old its snapshots are, in hours.
there() {
    zfs list -H -p -t snapshot -o creation -s createtxg -d 1 "tank/services/$1" |
        awk -v now="$(date +%s)" '{ printf "%s%d", separator, (now - $1) / 3600; separator = " " }'
}
assert_there() { # HOURS
    assert_eq "$1" "$(there plain)" 'snapshots of plain'
    assert_eq "$1" "$(there scripted)" 'snapshots of scripted'
}

# Sanoid takes anybody's process for a replication under way by its words alone.
systemd-run --quiet --unit=says --property=User=nobody \
    bash -c "exec -a 'zfs send tank/services/plain tank/services/scripted' sleep infinity"

with_sanoid 2.1 /usr/lib/preseed-tests/sanoid-2.1
round 0
assert_there 0
round 0
assert_there 0
for hours in 1 1; do round "$hours"; done
assert_there '2 1 0'
# The first one is held.
round 1
assert_there '3 1 0'

[[ $(sed -n "s/^.*::VERSION = '\(.*\)';/\1/p" /var/tmp/own/sanoid) != 2.1.* ]] || exit 0
with_sanoid 2.2 /var/tmp/own
round 0
assert_there '3 1 0'
round 1
assert_there '4 1 0'
assert_eq 5 "$(wc -l </run/frozen)" 'the script was run'
