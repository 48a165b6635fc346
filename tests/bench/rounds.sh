# shellcheck shell=bash
# Rounds of the snapshots of SERVICES services, beside a bare Sanoid with the configuration that preseed gives it. A snapshot
# of each is due in each of them, and none is old enough to go; then rounds in which nothing is due.

prepare() {
    declare_default_host
    cat >>/etc/preseed/preseed.toml <<-EOF

	[snapshot-policy.hours]
	hourly = 48
	EOF
    zfs create -o mountpoint=none tank/services
    # None of the day becomes due.
    date --set "$(date +%F) 01:00" >/dev/null
    with_data 1 1 'snapshots.policy = "hours"'
    ours
    for ROUND in 1 2 3 4; do
        in_turn due_by_preseed due_bare one-
    done
    with_data 2 "$SERVICES" 'snapshots.policy = "hours"'
    reload
    later 3600
    timed first ours
}

later() { # SECONDS
    date --set "@$(($(date +%s) + $1))" >/dev/null
}

ours() { /usr/lib/preseed/protect-helper snapshots; }

bare() {
    sanoid_of_ours
    sanoid --configdir=/run/bare --cache-dir=/run/bare/cache --run-dir=/run/bare/run --cron
}

# sanoid_of_ours: the configuration of the last round is its own. It has a cache of snapshots.
sanoid_of_ours() {
    mkdir -p /run/bare
    cp /run/preseed/sanoid/configuration/sanoid.conf /run/bare
}

due_by_preseed() { # PREFIX
    later 3600
    timed "$1ours" ours
}

due_bare() { # PREFIX
    later 3600
    TZ=UTC timed "$1bare" bare
}

# Their caches of a quarter of an hour have gone by.
idle_by_preseed() {
    later 960
    timed idle-ours ours
}

idle_bare() {
    later 960
    TZ=UTC timed idle-bare bare
}

round() {
    in_turn due_by_preseed due_bare ''
    in_turn idle_by_preseed idle_bare
}

look() {
    later 3600
    programs ours /usr/lib/preseed/protect-helper snapshots
    later 3600
    sanoid_of_ours
    TZ=UTC programs bare sanoid --configdir=/run/bare --cache-dir=/run/bare/cache --run-dir=/run/bare/run --cron
    later 960
    programs idle-ours /usr/lib/preseed/protect-helper snapshots
    later 960
    TZ=UTC programs idle-bare sanoid --configdir=/run/bare --cache-dir=/run/bare/cache --run-dir=/run/bare/run --cron
    # Each dataset has as many of each round: nobody has left some out.
    assert_eq 1 "$(zfs list -H -t snapshot -o name -r tank/services | sed 's/@.*//' | sort | uniq -c |
        awk '$2 != "tank/services/app1" { print $1 }' | sort -u | wc -l)"
}
