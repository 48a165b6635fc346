# shellcheck shell=bash
# A restore of LARGE megabytes from restic, and of next to nothing, beside a bare restic.

prepare() {
    declare_default_host
    repository_init
    backed_up tiny 64
    backed_up large $((LARGE * 1024))
}

backed_up() { # NAME KILOBYTES
    declare_service "$1" <<-EOF
	[preseed]
	tiers = ["restic"]

	[backup]
	repository = "local"
	EOF
    apply "$1"
    fill "/srv/$1" "$2"
    backup "/srv/$1"
    forget "$1"
}

# bare NAME: into a dataset like the service's. It ends when the data is on disk: so does ours, since
# a dataset that is swapped in was unmounted.
bare() {
    restic --repo "$REPOSITORY" --password-file "$PASSWORD_FILE" --cache-dir /var/cache/bare \
        restore latest --host "$(hostname)" --path "/srv/$1" --target /srv/bare &&
        zpool sync tank
}

round() {
    local size
    for size in tiny large; do
        apply "$size"
        settle
        timed "run-$size" run "$size"
        assert_exists "/srv/$size/1"
        forget "$size"
        zfs create -o mountpoint=/srv/bare -o acltype=posix -o xattr=sa tank/bare
        settle
        timed "bare-$size" bare "$size"
        assert_exists "/srv/bare/srv/$size/1"
        zfs destroy -r tank/bare
    done
}

look() {
    apply tiny
    programs programs /usr/lib/preseed/preseed-helper run tiny
}
