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

without() { # NAME
    settle
    timed "bare-$1" bare "$1"
    zfs destroy -r tank/bare
}

round() {
    in_turn with_preseed without tiny
    in_turn with_preseed without large
}

look() {
    apply tiny
    programs programs /usr/lib/preseed/preseed-helper run tiny
}
