# shellcheck shell=bash
# A receive of LARGE megabytes, and of next to nothing, beside a bare send and receive.

prepare() {
    declare_default_host
    declare_vault
    replica tiny 64
    replica large $((LARGE * 1024))
}

replica() { # NAME KILOBYTES
    declare_service "$1" <<-EOF
	[preseed]
	tiers = ["snapshot"]
	EOF
    zfs create -o mountpoint=/var/tmp/replica "vault/services/$1"
    fill /var/tmp/replica "$2"
    zfs snapshot "vault/services/$1@good"
    zfs set mountpoint=none "vault/services/$1"
}

bare() { # NAME
    zfs send -L -c "vault/services/$1@good" | zfs receive -u tank/bare
}

round() {
    local size
    for size in tiny large; do
        apply "$size"
        settle
        timed "run-$size" run "$size"
        assert_exists "/srv/$size/1"
        forget "$size"
        settle
        timed "bare-$size" bare "$size"
        zfs destroy -r tank/bare
    done
}

look() {
    apply tiny
    programs programs /usr/lib/preseed/preseed-helper run tiny
}
