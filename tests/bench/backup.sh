# shellcheck shell=bash
# A backup of LARGE megabytes, and of next to nothing, beside a bare restic of such a snapshot: each all of it, into a
# repository without backups.

EMPTY=/var/lib/empty-repo

prepare() {
    declare_default_host
    # With a key as costly as restic makes it.
    password_file
    in_repository init --quiet
    served tiny 64
    served large $((LARGE * 1024))
    mv "$REPOSITORY" "$EMPTY"
}

served() { # NAME KILOBYTES
    declare_service "$1" <<-EOF
	[backup]
	repository = "local"
	EOF
    apply "$1"
    run "$1" >/dev/null
    fill "/srv/$1" "$2"
}

# anew NAME: nothing is backed up, and nothing of the data is in memory.
anew() {
    rm -rf "$REPOSITORY" /var/cache/preseed /var/cache/bare
    cp -a "$EMPTY" "$REPOSITORY"
    umount "/srv/$1"
    zfs mount "tank/services/$1"
    settle
}

backed_up() { # NAME
    /usr/lib/preseed/protect-helper backup "$1"
}

with_preseed() { # NAME
    anew "$1"
    timed "run-$1" backed_up "$1"
}

bare_restic() {
    restic --repo "$REPOSITORY" --password-file "$PASSWORD_FILE" --cache-dir /var/cache/bare "$@"
}

# The question that shows what a restore would take.
verified() {
    bare_restic ls --json latest --host "$(hostname)" --path /mnt /mnt
}

without() { # NAME
    zfs snapshot "tank/services/$1@bare"
    anew "$1"
    mount -t zfs -o ro "tank/services/$1@bare" /mnt
    timed "bare-$1" bare_restic backup --host "$(hostname)" --tag "$1" /mnt
    timed "verify-$1" verified
    umount /mnt
    zfs destroy "tank/services/$1@bare"
}

round() {
    in_turn with_preseed without tiny
    in_turn with_preseed without large
}

look() {
    anew tiny
    programs programs /usr/lib/preseed/protect-helper backup tiny
}
