# shellcheck shell=bash
# A restore of LARGE megabytes from restic, and of next to nothing, beside a bare restic.

prepare() {
    declare_default_host
    # With a key as costly as restic makes it.
    password_file
    in_repository init --quiet
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

without() { # NAME
    zfs create -o mountpoint=/srv/bare -o acltype=posix -o xattr=sa tank/bare
    settle
    timed "bare-$1" bare "$1"
    assert_exists "/srv/bare/srv/$1/1"
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
