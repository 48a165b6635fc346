# shellcheck shell=bash
# Rollback and clone of SMALL and of LARGE megabytes.

prepare() {
    declare_default_host
    fill /run/some 65536
    for size in small large; do
        declare_with "$size" rollback
        apply "$size"
    done
    copies "$SMALL" /srv/small
    copies "$LARGE" /srv/large
    zfs snapshot tank/services/small@good
    zfs snapshot tank/services/large@good
    rm -r /run/some
}

# copies MEGABYTES DIR: that much of /run/some, again and again: the pool does not deduplicate.
copies() {
    local number=0 left=$1 size
    while ((left > 0)); do
        for file in /run/some/*; do
            size=$((left < 8 ? left : 8))
            ((size == 0)) || dd if="$file" of="$2/$((number += 1))" bs=1M count="$size" status=none
            left=$((left - size))
        done
    done
}

declare_with() { # NAME TIER
    declare_service "$1" <<-EOF
	[preseed]
	tiers = ["$2"]
	EOF
}

# lose SIZE: as in real life, and nothing of it is left to do.
lose() {
    lose_data "/srv/$1"
    zpool sync
    zpool wait -t free tank
}

# rolled_back SIZE: by preseed, and by hand.
rolled_back() {
    declare_with "$1" rollback
    lose "$1"
    timed "rollback-$1" run "$1"
    assert_exists "/srv/$1/1"
    lose "$1"
    timed "bare-$1" zfs rollback "tank/services/$1@good"
    # The quick guest's kernel makes a file system read-only again by that, if it ever was since it was mounted.
    mount -o remount,rw "/srv/$1"
}

cloned() { # SIZE
    declare_with "$1" snapshot
    lose "$1"
    timed "clone-$1" run "$1"
    assert_exists "/srv/$1/1"
    zfs destroy "$(kept_datasets)"
}

small() { # FUNCTION
    "$1" small
}

large() { # FUNCTION
    "$1" large
}

round() {
    in_turn small large rolled_back
    in_turn small large cloned
}

look() {
    declare_with small rollback
    lose small
    programs rollback /usr/lib/preseed/preseed-helper run small
    declare_with small snapshot
    lose small
    programs clone /usr/lib/preseed/preseed-helper run small
}
